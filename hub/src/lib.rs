//! The hub of a region: booking, pages, API, jobs, reports, and the sites' uplink.

pub mod api;
pub mod authority;
pub mod care;
pub mod config;
pub mod drain;
pub mod health;
pub mod hub;
pub mod jobs;
pub mod key_ring;
pub mod keys;
pub mod live;
pub mod notices;
pub mod pages;
pub mod problem;
pub mod region_cards;
pub mod router;
pub mod routes;
pub mod scim;
pub mod seed;
pub mod serve;
pub mod service;
pub mod sheets;
pub mod tls_listener;
pub mod uplink;
pub mod vacancies;
pub mod web;
