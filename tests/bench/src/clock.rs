use std::time::Instant;

#[expect(clippy::disallowed_methods, reason = "a benchmark is the owner of its clock")]
pub(crate) fn now() -> Instant {
    Instant::now()
}
