use tollgate_model::Gateway;

use crate::load::Fault;

/// How many routes there are, and how many of them a change may take away.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Routes {
    pub(crate) count: usize,
    pub(crate) drop_max_percent: u8,
}

/// Of fewer, a change by hand may well take half.
const GUARDED_MIN: usize = 50;

// === impl Routes ===

impl Routes {
    pub(crate) fn of(gateway: &Gateway) -> Self {
        let count = gateway.hosts.values().map(Vec::len).sum();
        Self { count, drop_max_percent: gateway.drop_max_percent }
    }

    /// A folder that came half, or an empty one, is no change that anybody wants.
    pub(crate) fn may_follow(self, before: usize) -> Result<(), Fault> {
        let gone = before.saturating_sub(self.count);
        let percent = gone.saturating_mul(100).checked_div(before).unwrap_or_default();
        if before < GUARDED_MIN || percent <= usize::from(self.drop_max_percent) {
            return Ok(());
        }
        Err(Fault::RoutesGone { gone, before, most: self.drop_max_percent, percent })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_routes_few_may_go_at_once() {
        for (before, count, most, is_good) in [
            (100, 80, 20, true),
            (100, 79, 20, false),
            (100, 0, 20, false),
            (100, 0, 100, true),
            (100, 99, 0, false),
            (100, 100, 0, true),
            (100, 300, 0, true),
            (49, 0, 20, true),
            (50, 39, 20, false),
            (0, 100, 20, true),
        ] {
            let routes = Routes { count, drop_max_percent: most };
            assert_eq!(routes.may_follow(before).is_ok(), is_good, "{before} {count} {most}");
        }
        let fault = Routes { count: 30, drop_max_percent: 20 }.may_follow(90).unwrap_err();
        assert_eq!(
            fault.to_string(),
            "routing.drop_max_percent: 60 of 90 routes would be gone, which is more than 20 percent; \
             write 66 there if that is meant"
        );
    }
}
