// Package cow holds a list and an index that are copied on write: a copy of either is as cheap as a copy of a struct,
// shares everything with the original, and can be edited without the original noticing. It knows neither what is kept
// in them nor what a key is, and it serializes nothing.
//
// Both are made of chunks of a fixed size. An edit copies the chunks that it touches, once each, so its cost does not
// depend on how many entries there are. The chunks that an edit copied or made carry its [Edit], which is how it knows
// that it may change them in place:
//
//	next := previous        // a Vector; shares all chunks
//	edit := cow.NewEdit()
//	*next.Edit(7, edit) = x // copies one chunk; previous still has what it had
//
// Values that nobody edits any more may be read by any number of goroutines. One that is being edited belongs to one
// goroutine. An Edit must not be used on two values that share chunks made with it.
//
// Package access uses these rather than a persistent map because a decision looks up two of a million entries that are
// in no CPU cache: here that costs two waits for memory each, in a tree as many as it has levels.
package cow
