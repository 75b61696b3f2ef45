//! The order by cost: cheap methods come first, so that there is something to show early.

use std::cmp::Ordering;

use super::spec::Cost;
use super::{Method, Way};
use crate::saliency::{Parameters, Preset};

/// The image that costs are compared for, `[h, w]`: the study's.
const USUAL_SIZE_PX: [usize; 2] = [320, 320];

impl Cost {
    /// Work of a pass forward alone beside that of a pass forward and back.
    pub const FORWARD: f64 = 0.3;

    /// The work in passes forward and back.
    pub fn work(self) -> f64 {
        self.with_gradient as f64 + Self::FORWARD * self.forward_alone as f64
    }
}

impl Method {
    /// Position in the order in which the schedule finishes maps: 0 for those that the pass of the image itself gives, all
    /// at once, then one method after the other by its cost with the study's parameters on the study's images. It does not
    /// depend on the parameters of a request, so that maps come in the same order whatever was asked.
    pub fn cost_rank(self) -> usize {
        if self.comes_at_once() {
            return 0;
        }
        let work = |method: Self| method.spec().cost(&Parameters::of(Preset::Arun2021), USUAL_SIZE_PX).work();
        let own = work(self);
        let is_before = |other: &Self| {
            let cost = work(*other);
            !other.comes_at_once() && (cost.total_cmp(&own), *other) < (Ordering::Equal, self)
        };
        1 + Self::ALL.iter().filter(|other| is_before(other)).count()
    }

    /// Groups of `methods` that the schedule finishes one after the other; those of one rank in the study's order.
    pub fn by_cost(methods: &[Self]) -> Vec<Vec<Self>> {
        let mut ranked: Vec<(usize, Self)> = methods.iter().map(|method| (method.cost_rank(), *method)).collect();
        ranked.sort_unstable();
        ranked.dedup();
        ranked.chunk_by(|a, b| a.0 == b.0).map(|group| group.iter().map(|(_, method)| *method).collect()).collect()
    }

    fn comes_at_once(self) -> bool {
        matches!(self.spec().way, Way::Pass(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_study_comes_in_the_order_of_its_costs() {
        let groups = Method::by_cost(&Method::STUDY);
        let at_once = vec![Method::Grad, Method::Gcam, Method::Gbp, Method::Ggcam];
        let others = [Method::Ig, Method::Sg, Method::Xrai, Method::Sig].map(|method| vec![method]);
        assert_eq!(groups, [vec![at_once], others.to_vec()].concat());
        assert_eq!(
            Method::by_cost(&[Method::Sig, Method::Gbp, Method::Sig, Method::Grad]),
            [vec![Method::Grad, Method::Gbp], vec![Method::Sig]]
        );
    }

    #[test]
    fn no_two_methods_beyond_the_first_pass_share_a_rank() {
        let mut ranks: Vec<usize> =
            Method::ALL.iter().map(|method| method.cost_rank()).filter(|rank| *rank > 0).collect();
        ranks.sort_unstable();
        assert_eq!(ranks, (1..=ranks.len()).collect::<Vec<_>>());
    }
}
