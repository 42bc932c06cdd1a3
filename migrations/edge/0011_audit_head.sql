-- The highest head of the hub's audit chain that a sheet of this site has shown.
CREATE TABLE audit_head (
    one  INTEGER PRIMARY KEY CHECK (one = 1),
    head TEXT NOT NULL
) STRICT;
