//! devhub
