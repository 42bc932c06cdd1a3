-- Each event's hash is made of the hash before it, its place and its body.
ALTER TABLE outbox ADD COLUMN chain BLOB CHECK (length(chain) = 32);
-- How much it weighs where there is no room for all: 0 telemetry, 1 record, 2 safety, 3 what stands for what was
-- given up.
ALTER TABLE outbox ADD COLUMN weight INTEGER NOT NULL DEFAULT 2;

-- Which file's chain it is. Nobody has to be unable to guess it; two files must not have the same.
ALTER TABLE progress ADD COLUMN chain_file BLOB CHECK (length(chain_file) = 16);
ALTER TABLE progress ADD COLUMN chain_began INTEGER NOT NULL DEFAULT 1;
-- The hash of the event at last_place; nothing before the chain was begun.
ALTER TABLE progress ADD COLUMN chain_head BLOB CHECK (length(chain_head) = 32);
-- The last place that was dropped, and the hash there.
ALTER TABLE progress ADD COLUMN dropped INTEGER NOT NULL DEFAULT 0;
ALTER TABLE progress ADD COLUMN dropped_hash BLOB CHECK (length(dropped_hash) = 32);
-- The last place that the hub may have seen: nothing up to it gets another place or another body.
ALTER TABLE progress ADD COLUMN offered INTEGER NOT NULL DEFAULT 0;
-- How often events got other places than those that were counted out to them.
ALTER TABLE progress ADD COLUMN shifts INTEGER NOT NULL DEFAULT 0;

UPDATE progress SET chain_file = randomblob(16), offered = committed;
