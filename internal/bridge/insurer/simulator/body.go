package simulator

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"

	"lienthong/internal/jsondoc"
)

// errBody: neither a form nor a JSON object whose values are strings or numbers.
var errBody = errors.New("simulator: unreadable body")

// fieldsOf reads a request's parameters, as JSON or as a form: public documents
// of the gateway name the one, its clients send the other.
func fieldsOf(w http.ResponseWriter, r *http.Request, most int64) (map[string]string, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, most))
	if err != nil {
		return nil, errBody
	}
	return Fields(r.Header.Get("Content-Type"), body)
}

// Fields reads the parameters of a body of this content type. It is exported for
// its fuzz target.
func Fields(contentType string, body []byte) (map[string]string, error) {
	kind, _, _ := mime.ParseMediaType(contentType)
	fields := map[string]string{}
	if kind == "application/x-www-form-urlencoded" && !jsondoc.IsJSON(body) {
		values, err := url.ParseQuery(string(body))
		if err != nil {
			return nil, errBody
		}
		for name := range values {
			fields[name] = values.Get(name)
		}
		return fields, nil
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(body, &members); err != nil || members == nil {
		return nil, errBody
	}
	for name, raw := range members {
		var v any
		if err := json.Unmarshal(raw, &v); err != nil {
			return nil, errBody
		}
		switch v := v.(type) {
		case string:
			fields[name] = v
		case float64:
			fields[name] = string(raw)
		case nil:
		default:
			return nil, errBody
		}
	}
	return fields, nil
}
