package lanyard

import "reflect"

// Clone returns a deep copy of r: slices, maps and what pointers lead to are copied. It follows the types by
// reflection, so members that are added later are copied too.
func Clone[R Resource](r R) R {
	return deepCopy(reflect.ValueOf(r)).Interface().(R)
}

// deepCopy copies a value. Structs with unexported members, such as time.Time, are copied as they are.
func deepCopy(v reflect.Value) reflect.Value {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return v
		}
		c := reflect.New(v.Type().Elem())
		c.Elem().Set(deepCopy(v.Elem()))
		return c
	case reflect.Struct:
		c := reflect.New(v.Type()).Elem()
		c.Set(v)
		for i := range c.NumField() {
			if f := c.Field(i); f.CanSet() && refers(f.Kind()) {
				f.Set(deepCopy(f))
			}
		}
		return c
	case reflect.Slice:
		if v.IsNil() {
			return v
		}
		c := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		reflect.Copy(c, v)
		for i := 0; refers(v.Type().Elem().Kind()) && i < c.Len(); i++ {
			c.Index(i).Set(deepCopy(v.Index(i)))
		}
		return c
	case reflect.Map:
		if v.IsNil() {
			return v
		}
		c := reflect.MakeMapWithSize(v.Type(), v.Len())
		for all := v.MapRange(); all.Next(); {
			c.SetMapIndex(all.Key(), deepCopy(all.Value()))
		}
		return c
	}
	return v
}

// refers reports whether values of a kind may lead to memory that others can change.
func refers(k reflect.Kind) bool {
	switch k {
	case reflect.Pointer, reflect.Struct, reflect.Slice, reflect.Map:
		return true
	}
	return false
}
