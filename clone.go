package lanyard

import "reflect"

// Clone returns a deep copy of r: slices, maps and what pointers lead to are copied. It follows the types by
// reflection, so members that are added later are copied too.
func Clone[R Resource](r R) R {
	c := reflect.New(reflect.TypeOf(r)).Elem()
	c.Set(reflect.ValueOf(r))
	unshare(c)
	return c.Interface().(R)
}

// unshare has v refer to copies of what it refers to. Unexported members, such as those of time.Time, stay as they are.
func unshare(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return
		}
		c := reflect.New(v.Type().Elem())
		c.Elem().Set(v.Elem())
		unshare(c.Elem())
		v.Set(c)
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Field(i); f.CanSet() && refers(f.Kind()) {
				unshare(f)
			}
		}
	case reflect.Slice:
		if v.IsNil() {
			return
		}
		c := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		reflect.Copy(c, v)
		for i := 0; refers(v.Type().Elem().Kind()) && i < c.Len(); i++ {
			unshare(c.Index(i))
		}
		v.Set(c)
	case reflect.Map:
		if !v.IsNil() {
			v.Set(copyMap(v))
		}
	}
}

func copyMap(v reflect.Value) reflect.Value {
	c := reflect.MakeMapWithSize(v.Type(), v.Len())
	key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
	for all := v.MapRange(); all.Next(); {
		key.SetIterKey(all)
		value.SetIterValue(all)
		unshare(value)
		c.SetMapIndex(key, value)
	}
	return c
}

// refers reports whether values of a kind may lead to memory that others can change.
func refers(k reflect.Kind) bool {
	switch k {
	case reflect.Pointer, reflect.Struct, reflect.Slice, reflect.Map:
		return true
	}
	return false
}
