-- Wrong PINs in a row, by whose they are: a restart gives nobody new tries.
CREATE TABLE pin_tries (
    whose TEXT NOT NULL PRIMARY KEY CHECK (length(whose) BETWEEN 1 AND 100),
    wrong INTEGER NOT NULL CHECK (wrong > 0)
) STRICT, WITHOUT ROWID;
