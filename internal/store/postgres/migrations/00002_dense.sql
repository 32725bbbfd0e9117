-- Fewer rows and fewer index entries for each dossier (doc/design/store.md).

-- +goose Up

-- What nearly every dossier has is said by record.documents alone (store.CommonDocuments).
DELETE FROM tag WHERE tag IN ('doc:XML0', 'doc:XML1', 'doc:XML2', 'doc:XML3', 'doc:XML4', 'doc:XML5', 'doc:XML7', 'doc:XML8');

-- A body of an outpatient dossier stays in its row instead of being cut into
-- two or three rows of a table beside it.
ALTER TABLE body SET (toast_tuple_target = 8160);

-- Nobody asks for the claims of a person.
DROP INDEX claim_person;

-- +goose Down
CREATE INDEX claim_person ON claim (person);
ALTER TABLE body RESET (toast_tuple_target);
