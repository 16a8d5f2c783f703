//! `functions/notify`: carries alerts from SNS to Slack.

pub mod config;
pub mod handler;
pub mod slack;
