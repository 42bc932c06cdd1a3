-- What is known of a door beside its lock: wiring, readers, hours, and what it asks of whoever comes.

-- A model::door::DoorPlan as JSON; nothing where the door is of the house and has no reader of its own.
ALTER TABLE doors ADD COLUMN plan TEXT;
