//! What maps of different images reach: the case's own beside those of other images of a list, made in the background.

use std::collections::BTreeMap;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::cascade_run::{CascadeRun, Cascades, lock};
use super::case::OpenCase;
use super::error::{Error, Result};
use super::explainer::Explainer;
use super::source::CaseSource;
use crate::cascade::{Comparable, PairMean, pair_mean, pairs};
use crate::job::{Ending, JobId, JobWatch, Lane, Start};
use crate::saliency::{self, Method};
use crate::watch::{Part, Watch};

/// Other images that the case is compared with: with it they make 15 pairs.
pub const OTHER_IMAGES: usize = 5;

/// Images that are tried for that: some cannot be read, do not fit the model, or are the same image once more.
const CANDIDATES: usize = 2 * OTHER_IMAGES;

/// What the maps of one method reach over different images.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ImageBaseline {
    /// Mean over the pairs.
    pub mean: PairMean,
    /// Images they are drawn from, the case of the cascade included.
    pub images: usize,
}

/// An image that was drawn to be compared with.
#[derive(Clone)]
pub struct OtherImage {
    source: CaseSource,
    draw: [u8; 32],
}

/// Draws images to compare with out of those that are listed: by hashes of `seed` and names, so that neither the order of
/// the list nor what else joins it changes much. Opens none.
pub fn other_images<'a>(listed: impl Iterator<Item = &'a CaseSource>, seed: u64) -> Vec<OtherImage> {
    let draw = |source: &CaseSource| -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(b"saliscope other images");
        hash.update(seed.to_le_bytes());
        hash.update(source.name_bytes());
        hash.finalize().into()
    };
    let mut drawn: Vec<([u8; 32], &CaseSource)> = listed.map(|source| (draw(source), source)).collect();
    drawn.sort_by_key(|(draw, _)| *draw);
    drawn.truncate(CANDIDATES);
    drawn.into_iter().map(|(draw, source)| OtherImage { source: source.clone(), draw }).collect()
}

/// The images of the latest comparison, and the jobs that make it.
#[derive(Default)]
pub(super) struct Compared {
    drawn: Vec<[u8; 32]>,
    jobs: Vec<(JobId, Vec<Method>)>,
}

impl Compared {
    pub(super) fn jobs(&self) -> impl Iterator<Item = JobId> + '_ {
        self.jobs.iter().map(|(job, _)| *job)
    }

    fn is_of(&self, others: &[OtherImage]) -> bool {
        self.drawn.iter().eq(others.iter().map(|other| &other.draw))
    }
}

impl Cascades {
    /// Has the maps of `methods` under the trained network compared between the case and `others`, after the work that
    /// waits already; maps are taken from `explainer` and kept there. What is known or on its way is not asked for again.
    /// Other images than before begin anew.
    pub fn compare(&self, run: &Arc<CascadeRun>, explainer: &Explainer, others: Vec<OtherImage>, methods: &[Method]) {
        let mut compared = lock(&run.compared);
        if !compared.is_of(&others) {
            for (job, _) in compared.jobs.drain(..) {
                self.jobs.cancel(job);
            }
            compared.drawn = others.iter().map(|other| other.draw).collect();
            let mut found = lock(&run.found);
            found.baselines.clear();
            (found.other_images, found.baseline_failure) = (others.len(), None);
        }
        if others.is_empty() {
            return;
        }
        compared.jobs.retain(|(job, _)| self.is_under_way(*job));
        let is_coming = |method: &Method| compared.jobs.iter().any(|(_, methods)| methods.contains(method));
        let mut found = lock(&run.found);
        let is_wanted = |method: &Method| !is_coming(method) && !found.baselines.contains_key(method);
        let mut wanted: Vec<Method> = methods.iter().copied().filter(is_wanted).collect();
        wanted.sort_unstable();
        wanted.dedup();
        if wanted.is_empty() {
            return;
        }
        found.baseline_failure = None;
        drop(found);
        let names: Vec<&str> = wanted.iter().map(|method| method.name()).collect();
        let name = format!("Compare with other images: {}", names.join(", "));
        let start = Start { name, lane: Lane::Compute, urgent: false, listed: true };
        let comparison =
            Comparison { run: Arc::clone(run), explainer: explainer.clone(), others, methods: wanted.clone() };
        let job = self.jobs.start(start, move |watch| comparison.work(watch));
        compared.jobs.push((job, wanted));
    }

    /// Whether a run was compared with these images last, or is being so.
    pub fn is_compared_with(&self, run: &CascadeRun, others: &[OtherImage]) -> bool {
        lock(&run.compared).is_of(others)
    }

    /// Whether the maps of a method are on their way to be compared.
    pub fn is_comparing(&self, run: &CascadeRun, method: Method) -> bool {
        lock(&run.compared).jobs.iter().any(|(job, methods)| methods.contains(&method) && self.is_under_way(*job))
    }
}

/// One job. It holds one other image at a time, and of the others' maps what is compared.
struct Comparison {
    run: Arc<CascadeRun>,
    explainer: Explainer,
    others: Vec<OtherImage>,
    methods: Vec<Method>,
}

impl Comparison {
    fn work(&self, watch: &JobWatch) -> Ending {
        match self.compare(watch) {
            Ok(()) => Ending::Done(None),
            Err(Error::Saliency(saliency::Error::Cancelled)) => Ending::Cancelled,
            Err(error) => {
                let reason = error.without_path();
                let compared = lock(&self.run.compared);
                if compared.is_of(&self.others) {
                    lock(&self.run.found).baseline_failure = Some(reason.clone());
                }
                drop(compared);
                Ending::Failed(reason)
            }
        }
    }

    fn compare(&self, watch: &JobWatch) -> Result<()> {
        let graph = &self.run.model.model.graph;
        let defined = |method: &Method| method.undefined_for(graph).is_none();
        let methods: Vec<Method> = self.methods.iter().copied().filter(defined).collect();
        let groups = Method::by_cost(&methods);
        let images = 1 + OTHER_IMAGES.min(self.others.len());
        for (index, methods) in groups.iter().enumerate() {
            let part = |image: usize| Part { watch, index: index * images + image, parts: groups.len() * images };
            let mut contents = vec![self.run.case.content.clone()];
            let mut maps = vec![self.own(methods, &part(0))?];
            let mut problem = None;
            for other in &self.others {
                if contents.len() == images {
                    break;
                }
                let part = part(contents.len());
                if part.is_cancelled() {
                    return Err(saliency::Error::Cancelled.into());
                }
                let Ok(case) = OpenCase::read(&other.source) else { continue };
                let content = case.content.clone();
                if contents.contains(&content) {
                    continue;
                }
                match self.maps(&Arc::new(case), methods, &part) {
                    Ok(found) => {
                        contents.push(content);
                        maps.push(found);
                    }
                    Err(Error::Saliency(saliency::Error::Cancelled)) => return Err(saliency::Error::Cancelled.into()),
                    // Another image may have what this one lacks.
                    Err(error) => problem = Some(error),
                }
            }
            if let Some(problem) = problem.filter(|_| contents.len() == 1) {
                return Err(problem);
            }
            self.keep(methods, &contents, &maps);
            watch.wake();
        }
        Ok(())
    }

    /// The maps of the case itself, as the cascade made them where it did.
    fn own(&self, methods: &[Method], watch: &dyn Watch) -> Result<BTreeMap<Method, Comparable>> {
        let kept = |method: &Method| Some((*method, lock(&self.run.originals).get(method)?.clone()));
        let mut own: BTreeMap<Method, Comparable> = methods.iter().filter_map(kept).collect();
        let lacking: Vec<Method> = methods.iter().copied().filter(|method| !own.contains_key(method)).collect();
        own.extend(self.maps(&self.run.case, &lacking, watch)?);
        Ok(own)
    }

    fn maps(
        &self,
        case: &Arc<OpenCase>,
        methods: &[Method],
        watch: &dyn Watch,
    ) -> Result<BTreeMap<Method, Comparable>> {
        let question = &self.run.question.question;
        let answers = self.explainer.answers(case, &self.run.model, question, methods, watch)?;
        answers.iter().map(|answer| Ok((answer.map.method, Comparable::for_baseline(&answer.map)?))).collect()
    }

    fn keep(&self, methods: &[Method], contents: &[String], maps: &[BTreeMap<Method, Comparable>]) {
        let pairs = pairs(contents, self.run.question.randomizer.seed);
        let baseline = |method: &Method| {
            let maps: Vec<&Comparable> = maps.iter().map(|maps| maps.get(method)).collect::<Option<_>>()?;
            let mean = pair_mean(&maps, &pairs)?;
            Some((*method, ImageBaseline { mean, images: contents.len() }))
        };
        let known: Vec<(Method, ImageBaseline)> = methods.iter().filter_map(baseline).collect();
        // The list may hold other images by now.
        let compared = lock(&self.run.compared);
        if compared.is_of(&self.others) {
            lock(&self.run.found).baselines.extend(known);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::phantom::{Finding, PhantomSpec};

    #[test]
    fn draws_follow_names_and_seed_and_not_the_order_of_the_list() {
        let phantom = |index| CaseSource::Phantom(PhantomSpec { seed: 1, index, size_px: 128, finding: Finding::None });
        let listed: Vec<CaseSource> = (0..40).map(phantom).collect();
        let names =
            |drawn: Vec<OtherImage>| -> Vec<String> { drawn.iter().map(|other| other.source.title()).collect() };
        let drawn = names(other_images(listed.iter(), 3));
        assert_eq!(drawn.len(), CANDIDATES);
        assert_eq!(drawn, names(other_images(listed.iter().rev(), 3)));
        assert_ne!(drawn, names(other_images(listed.iter(), 4)));
        let fewer: Vec<&CaseSource> = listed.iter().filter(|source| drawn.contains(&source.title())).collect();
        assert_eq!(drawn, names(other_images(fewer.into_iter(), 3)), "what was not drawn does not matter");
        assert!(other_images(std::iter::empty(), 3).is_empty());
    }
}
