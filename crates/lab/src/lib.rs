//! lab

pub mod image;
