//! The dashboard: pages on a published mart, rendered here, readable without JavaScript,
//! with every asset in the binary.
//!
//! Owns URLs, pages and their looks. Never computes a cost and holds no SQL: figures come
//! from [`attribution::mart`], their text from [`reports::format`].
//!
//! Read in this order: [`router`], [`State`], the lens (what a URL says), the context (what
//! a page is built from), tables and charts, then the pages.

pub mod access;
mod api;
mod asset;
mod axis;
mod budget;
mod chart;
mod cluster_names;
mod colour;
mod context;
mod course;
mod equation;
mod error;
mod finding;
mod flow;
mod form;
mod freshness;
mod layout;
mod lens;
mod link;
mod method;
mod metrics;
mod page;
mod parts;
mod person;
mod response;
mod router;
mod search;
mod sentence;
mod state;
mod table;
mod words;

use reports::detector;
pub use router::{listed, router, serve};
pub use state::{Clock, Settings, State};
