-- Where an operator may write APIs, as JSON, and then nothing else; all that its role may
-- where there is nothing.
ALTER TABLE operators ADD COLUMN sites TEXT;
