-- Which property of which foreign device measures what at a centre, as JSON: model::sensor::Sensor.

CREATE TABLE centre_sensors (
    centre_id UUID NOT NULL PRIMARY KEY REFERENCES centres (id),
    sensors TEXT NOT NULL
);
