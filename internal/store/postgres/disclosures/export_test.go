package disclosures

// OfPerson is the query of looks at a person.
const OfPerson = ofPerson
