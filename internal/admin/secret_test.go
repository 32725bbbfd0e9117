package admin_test

import (
	"errors"
	"testing"

	"lienthong/internal/admin"
)

func TestACredentialIsAJSONObject(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]error{
		`{"user":"a","password":"b"}`: nil, "{\n\"key\": \"x\"\n}": nil,
		"": admin.ErrSecretForm, "mật khẩu": admin.ErrSecretForm, `"a"`: admin.ErrSecretForm, `["a"]`: admin.ErrSecretForm, "null": admin.ErrSecretForm,
		"{}": admin.ErrSecretForm, `{"user":"a"`: admin.ErrSecretForm, `{"user":"a"} x`: admin.ErrSecretForm,
	} {
		if err := admin.CheckSecret([]byte(text)); !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", text, err, want)
		}
	}
}

func FuzzCheckSecret(f *testing.F) {
	for _, seed := range []string{`{"user":"a"}`, "", "null", "[", `{"a":{"b":1}}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if err := admin.CheckSecret(b); err != nil && !errors.Is(err, admin.ErrSecretForm) {
			t.Errorf("%v", err)
		}
	})
}
