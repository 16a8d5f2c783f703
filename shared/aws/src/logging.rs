//! Our own logs: JSON lines on standard output, which Lambda forwards to CloudWatch.

use tracing_subscriber::filter::LevelFilter;

/// Sets up JSON logging at INFO for the whole process. Only `main` calls this.
pub fn init() {
    tracing_subscriber::fmt()
        .json()
        .with_max_level(LevelFilter::INFO)
        .with_current_span(false)
        .with_span_list(false)
        .init();
}
