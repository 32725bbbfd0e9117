package roster

// SealName is what the sealed part of a member of staff is bound to, by the id
// in hexadecimal; AddressName, of a person's address at a provider. Package rekey
// needs them when keys turn.
func SealName(id string) string { return "staff/" + id }

// AddressName: see SealName.
func AddressName(person string) string { return "address/" + person }
