//! `functions/notify`: carries alerts from SNS to Slack, to a webhook and to
//! Amazon Q Developer in chat applications.

pub mod config;
pub mod handler;
pub mod patience;
pub mod slack;
pub mod webhook;
