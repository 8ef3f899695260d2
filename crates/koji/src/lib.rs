//! koji
