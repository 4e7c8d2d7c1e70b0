use tollgate_core::Timestamp;

use crate::abi;
use crate::failure::Failure;

pub(crate) fn now() -> Result<Timestamp, Failure> {
    abi::now().map(Timestamp::from_nanos).map_err(|_| Failure::Clock)
}
