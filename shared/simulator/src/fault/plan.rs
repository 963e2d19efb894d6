//! Which faults are still to happen.

use std::num::NonZeroU32;

use super::{Fault, PlannedFault};

/// What a fault applies to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Reach {
    /// Any request; it replaces the answer.
    Instead,
    /// Any request, before it is answered.
    Wait,
    /// Answers that are errors.
    Error,
    /// The way any answer's body leaves.
    Body,
    /// Successful listings.
    Listing,
    /// Successful answers of the history.
    Past,
}

/// Faults in the order they were asked for, with the requests that each has left.
#[derive(Debug, Default)]
pub(crate) struct FaultPlan(Vec<PlannedFault>);

impl FaultPlan {
    pub(crate) fn new(faults: Vec<PlannedFault>) -> Self {
        Self(faults)
    }

    /// The fault that replaces the answer to a request, used up by one.
    pub(crate) fn take_instead(&mut self) -> Option<Fault> {
        self.take(Reach::Instead, 1).pop()
    }

    /// All faults of this reach, each used up by one.
    pub(crate) fn take_all(&mut self, reach: Reach) -> Vec<Fault> {
        self.take(reach, usize::MAX)
    }

    fn take(&mut self, reach: Reach, most: usize) -> Vec<Fault> {
        let mut taken = Vec::new();
        self.0.retain_mut(|planned| {
            if planned.fault.reach() != reach || taken.len() >= most {
                return true;
            }
            taken.push(planned.fault.clone());
            match planned.next {
                None => true,
                Some(left) => {
                    planned.next = NonZeroU32::new(left.get() - 1);
                    planned.next.is_some()
                }
            }
        });
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(faults: &[&str]) -> FaultPlan {
        FaultPlan::new(faults.iter().map(|fault| fault.parse().unwrap()).collect())
    }

    #[test]
    fn faults_that_replace_the_answer_follow_one_another() {
        let mut plan = plan(&["empty-body:2", "huge:1"]);
        let taken: Vec<_> = (0..4).map(|_| plan.take_instead()).collect();
        assert_eq!(taken, [Some(Fault::EmptyBody), Some(Fault::EmptyBody), Some(Fault::Huge), None]);
    }

    #[test]
    fn the_other_faults_happen_together_until_each_is_used_up() {
        let mut plan = plan(&["extra:1", "null-price", "truncate"]);
        assert_eq!(plan.take_all(Reach::Listing), [Fault::Extra, Fault::NullPrice]);
        assert_eq!(plan.take_all(Reach::Listing), [Fault::NullPrice]);
        assert_eq!(plan.take_all(Reach::Body), [Fault::Truncate]);
    }
}
