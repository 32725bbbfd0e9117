package declaration

import "encoding/json"

// Schema is the JSON Schema (2020-12) of declarations, indented: what
// doc/schema/database.schema.json holds. It says what the parser says of keys,
// types and forms; what fields mean to one another only the parser knows.
func Schema() []byte {
	s := schemaOf(fileShape)
	s["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	s["title"] = "lienthong: specialised database"
	b, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		panic(err) // made of constants
	}
	return append(b, '\n')
}

func schemaOf(s shape) map[string]any {
	m := map[string]any{}
	if s.says != "" {
		m["description"] = s.says
	}
	switch s.form {
	case object:
		properties, required := map[string]any{}, []string{}
		for _, k := range s.keys {
			properties[k.name] = schemaOf(k.shape)
			if k.must {
				required = append(required, k.name)
			}
		}
		m["type"], m["properties"], m["additionalProperties"] = "object", properties, false
		if len(required) > 0 {
			m["required"] = required
		}
	case bag:
		m["type"], m["additionalProperties"], m["propertyNames"] = "object", schemaOf(*s.of), map[string]any{"pattern": s.pattern}
	case list:
		m["type"], m["items"], m["minItems"], m["maxItems"] = "array", schemaOf(*s.of), s.atLeast, s.atMost
	case whole:
		m["type"], m["minimum"], m["maximum"] = "integer", s.atLeast, s.atMost
	case truth:
		m["type"] = "boolean"
	case scalar:
		m["type"] = []string{"string", "number", "boolean"}
	case words:
		m["type"] = "string"
		if s.enum != nil {
			m["enum"] = s.enum
		}
		if s.pattern != "" {
			m["pattern"] = s.pattern
		}
		if s.atMost > 0 {
			m["minLength"], m["maxLength"] = s.atLeast, s.atMost
		}
	}
	return m
}
