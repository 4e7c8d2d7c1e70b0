-- What revisions are made of: each part once for all revisions in a row that have it, from revision `since` on up to the one before `until`, or
-- to the newest without. `kind` is `file`, or the section of an object. Revisions from before have `sources` and `objects` of their own;
-- later ones have empty texts there.
CREATE TABLE parts (
  kind TEXT NOT NULL,
  name TEXT NOT NULL,
  since BIGINT NOT NULL,
  until BIGINT,
  body TEXT NOT NULL,
  PRIMARY KEY (kind, name, since)
);
CREATE INDEX parts_until ON parts (until);
