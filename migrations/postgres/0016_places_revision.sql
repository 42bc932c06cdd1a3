-- Counts up whatever changes the places of the region, so that a hub knows when to read them again.

INSERT INTO revisions (name, rev) VALUES ('places', 1);

CREATE FUNCTION places_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE revisions SET rev = rev + 1 WHERE name = 'places';
    RETURN NULL;
END
$$;

CREATE TRIGGER municipalities_changed AFTER INSERT OR UPDATE OR DELETE ON municipalities
    FOR EACH STATEMENT EXECUTE FUNCTION places_changed();
CREATE TRIGGER opening_hours_changed AFTER INSERT OR UPDATE OR DELETE ON opening_hours
    FOR EACH STATEMENT EXECUTE FUNCTION places_changed();
CREATE TRIGGER holidays_changed AFTER INSERT OR UPDATE OR DELETE ON holidays
    FOR EACH STATEMENT EXECUTE FUNCTION places_changed();
CREATE TRIGGER spaces_changed AFTER INSERT OR UPDATE OR DELETE ON spaces
    FOR EACH STATEMENT EXECUTE FUNCTION places_changed();
CREATE TRIGGER nurseries_changed AFTER INSERT OR UPDATE OR DELETE ON nurseries
    FOR EACH STATEMENT EXECUTE FUNCTION places_changed();
CREATE TRIGGER closures_changed AFTER INSERT OR UPDATE OR DELETE ON closures
    FOR EACH STATEMENT EXECUTE FUNCTION places_changed();
CREATE TRIGGER quotas_changed AFTER INSERT OR UPDATE OR DELETE ON quotas
    FOR EACH STATEMENT EXECUTE FUNCTION places_changed();
CREATE TRIGGER waitlist_classes_changed AFTER INSERT OR UPDATE OR DELETE ON waitlist_classes
    FOR EACH STATEMENT EXECUTE FUNCTION places_changed();
CREATE TRIGGER centres_changed AFTER INSERT OR UPDATE OR DELETE ON centres
    FOR EACH STATEMENT EXECUTE FUNCTION places_changed();
CREATE TRIGGER employers_changed AFTER INSERT OR UPDATE OR DELETE ON employers
    FOR EACH STATEMENT EXECUTE FUNCTION places_changed();
