-- Counts up whatever changes the places of the region, so that a hub knows when to read them again.

INSERT INTO revisions (name, rev) VALUES ('places', 1);

CREATE TRIGGER municipalities_changed_by_insert AFTER INSERT ON municipalities
BEGIN
    UPDATE revisions SET rev = rev + 1 WHERE name = 'places';
END;
CREATE TRIGGER municipalities_changed_by_update AFTER UPDATE ON municipalities
BEGIN
    UPDATE revisions SET rev = rev + 1 WHERE name = 'places';
END;
CREATE TRIGGER municipalities_changed_by_delete AFTER DELETE ON municipalities
BEGIN
    UPDATE revisions SET rev = rev + 1 WHERE name = 'places';
END;

CREATE TRIGGER centres_changed_by_insert AFTER INSERT ON centres
BEGIN
    UPDATE revisions SET rev = rev + 1 WHERE name = 'places';
END;
CREATE TRIGGER centres_changed_by_update AFTER UPDATE ON centres
BEGIN
    UPDATE revisions SET rev = rev + 1 WHERE name = 'places';
END;
CREATE TRIGGER centres_changed_by_delete AFTER DELETE ON centres
BEGIN
    UPDATE revisions SET rev = rev + 1 WHERE name = 'places';
END;

CREATE TRIGGER opening_hours_changed_by_insert AFTER INSERT ON opening_hours
BEGIN
    UPDATE revisions SET rev = rev + 1 WHERE name = 'places';
END;
CREATE TRIGGER opening_hours_changed_by_update AFTER UPDATE ON opening_hours
BEGIN
    UPDATE revisions SET rev = rev + 1 WHERE name = 'places';
END;
CREATE TRIGGER opening_hours_changed_by_delete AFTER DELETE ON opening_hours
BEGIN
    UPDATE revisions SET rev = rev + 1 WHERE name = 'places';
END;

CREATE TRIGGER holidays_changed_by_insert AFTER INSERT ON holidays
BEGIN
    UPDATE revisions SET rev = rev + 1 WHERE name = 'places';
END;
CREATE TRIGGER holidays_changed_by_update AFTER UPDATE ON holidays
BEGIN
    UPDATE revisions SET rev = rev + 1 WHERE name = 'places';
END;
CREATE TRIGGER holidays_changed_by_delete AFTER DELETE ON holidays
BEGIN
    UPDATE revisions SET rev = rev + 1 WHERE name = 'places';
END;

CREATE TRIGGER spaces_changed_by_insert AFTER INSERT ON spaces
BEGIN
    UPDATE revisions SET rev = rev + 1 WHERE name = 'places';
END;
CREATE TRIGGER spaces_changed_by_update AFTER UPDATE ON spaces
BEGIN
    UPDATE revisions SET rev = rev + 1 WHERE name = 'places';
END;
CREATE TRIGGER spaces_changed_by_delete AFTER DELETE ON spaces
BEGIN
    UPDATE revisions SET rev = rev + 1 WHERE name = 'places';
END;

CREATE TRIGGER nurseries_changed_by_insert AFTER INSERT ON nurseries
BEGIN
    UPDATE revisions SET rev = rev + 1 WHERE name = 'places';
END;
CREATE TRIGGER nurseries_changed_by_update AFTER UPDATE ON nurseries
BEGIN
    UPDATE revisions SET rev = rev + 1 WHERE name = 'places';
END;
CREATE TRIGGER nurseries_changed_by_delete AFTER DELETE ON nurseries
BEGIN
    UPDATE revisions SET rev = rev + 1 WHERE name = 'places';
END;

CREATE TRIGGER closures_changed_by_insert AFTER INSERT ON closures
BEGIN
    UPDATE revisions SET rev = rev + 1 WHERE name = 'places';
END;
CREATE TRIGGER closures_changed_by_update AFTER UPDATE ON closures
BEGIN
    UPDATE revisions SET rev = rev + 1 WHERE name = 'places';
END;
CREATE TRIGGER closures_changed_by_delete AFTER DELETE ON closures
BEGIN
    UPDATE revisions SET rev = rev + 1 WHERE name = 'places';
END;

CREATE TRIGGER quotas_changed_by_insert AFTER INSERT ON quotas
BEGIN
    UPDATE revisions SET rev = rev + 1 WHERE name = 'places';
END;
CREATE TRIGGER quotas_changed_by_update AFTER UPDATE ON quotas
BEGIN
    UPDATE revisions SET rev = rev + 1 WHERE name = 'places';
END;
CREATE TRIGGER quotas_changed_by_delete AFTER DELETE ON quotas
BEGIN
    UPDATE revisions SET rev = rev + 1 WHERE name = 'places';
END;

CREATE TRIGGER waitlist_classes_changed_by_insert AFTER INSERT ON waitlist_classes
BEGIN
    UPDATE revisions SET rev = rev + 1 WHERE name = 'places';
END;
CREATE TRIGGER waitlist_classes_changed_by_update AFTER UPDATE ON waitlist_classes
BEGIN
    UPDATE revisions SET rev = rev + 1 WHERE name = 'places';
END;
CREATE TRIGGER waitlist_classes_changed_by_delete AFTER DELETE ON waitlist_classes
BEGIN
    UPDATE revisions SET rev = rev + 1 WHERE name = 'places';
END;

CREATE TRIGGER employers_changed_by_insert AFTER INSERT ON employers
BEGIN
    UPDATE revisions SET rev = rev + 1 WHERE name = 'places';
END;
CREATE TRIGGER employers_changed_by_update AFTER UPDATE ON employers
BEGIN
    UPDATE revisions SET rev = rev + 1 WHERE name = 'places';
END;
CREATE TRIGGER employers_changed_by_delete AFTER DELETE ON employers
BEGIN
    UPDATE revisions SET rev = rev + 1 WHERE name = 'places';
END;
