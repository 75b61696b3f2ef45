//! Several states of a network, asked about one batch of inputs after the other.

use std::cell::OnceCell;
use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use rayon::prelude::*;

use super::error::{Error, Result};
use super::run::{Finished, Plan, Row};
use super::similarity::{Comparable, Similarity};
use crate::network::Family;
use crate::saliency::{About, Explainer, FinishedMap, MapWatch, Method, Request, SaliencyMap};
use crate::watch::Watch;

/// Runs states side by side and hands on their maps.
pub(super) struct Lockstep<'a> {
    plan: &'a Plan,
    watch: &'a dyn Watch,
    keep: &'a mut dyn FnMut(&Finished<'_>) -> Result<()>,
    /// What the states are asked, without images.
    request: Request,
    pub(super) rows: Vec<Row>,
    /// Of each image the maps of the trained network.
    pub(super) originals: Vec<BTreeMap<Method, Comparable>>,
    /// Of each image, once its original is begun.
    pub(super) classes: Vec<Option<usize>>,
    /// Images in states that are finished.
    finished: usize,
}

impl<'a> Lockstep<'a> {
    pub(super) fn new(
        plan: &'a Plan,
        watch: &'a dyn Watch,
        keep: &'a mut dyn FnMut(&Finished<'_>) -> Result<()>,
    ) -> Self {
        let mut request = Request { images: Vec::new(), intermediates: true, ..plan.request.clone() };
        request.segments.get_or_insert_with(Arc::default);
        let images = plan.request.images.len();
        Self {
            plan,
            watch,
            keep,
            request,
            rows: Vec::new(),
            originals: vec![BTreeMap::new(); images],
            classes: vec![None; images],
            finished: 0,
        }
    }

    /// Runs the states from `first` on, whose networks are the members of `family`, over all images; the original must be
    /// among them or have been run before, and comes first.
    pub(super) fn run(&mut self, family: &Family, first: usize) -> Result<()> {
        for shape in self.shapes() {
            let [_, _, height, width] = shape;
            let of_shape = |position: &usize| self.plan.request.images[*position].values.shape() == shape;
            let positions: Vec<usize> = (0..self.plan.request.images.len()).filter(of_shape).collect();
            let batch = self.request.batch.unwrap_or_else(|| family.preferred_batch(height, width)).max(1);
            for positions in positions.chunks(batch) {
                self.run_images(family, first, positions)?;
                self.finished += family.members() * positions.len();
            }
        }
        Ok(())
    }

    fn shapes(&self) -> Vec<[usize; 4]> {
        let mut shapes: Vec<[usize; 4]> = Vec::new();
        for image in &self.plan.request.images {
            if !shapes.contains(&image.values.shape()) {
                shapes.push(image.values.shape());
            }
        }
        shapes
    }

    /// Runs images of one shape, no more than a batch holds.
    fn run_images(&mut self, family: &Family, first: usize, positions: &[usize]) -> Result<()> {
        let images = positions.iter().map(|position| self.plan.request.images[*position].clone()).collect();
        let original_request = Request { images, ..self.request.clone() };
        let followed = Followed {
            watch: self.watch,
            before: self.finished,
            images: positions.len(),
            all: self.plan.states.len() * self.plan.request.images.len(),
            done: Mutex::new(vec![0; family.members()]),
        };
        let lanes: Vec<Lane<'_>> = (0..family.members()).map(|lane| Lane::new(lane, &followed)).collect();
        let preferred_batch = |height: usize, width: usize| family.preferred_batch(height, width);
        let about = About { graph: family.graph(), words: family.describe(), preferred_batch: &preferred_batch };
        // What all states but the original are asked: the classes come from that one.
        let request = OnceCell::new();
        let of_classes = |classes: &[Option<usize>]| {
            let classes = positions.iter().filter_map(|position| classes[*position]).collect();
            Request { classes: Some(classes), ..original_request.clone() }
        };
        let lead_request =
            if first == 0 { &original_request } else { request.get_or_init(|| of_classes(&self.classes)) };
        let mut explainers = vec![Explainer::new(&about, lead_request, &lanes[0])?];
        // A large batch can finish two methods at once and a small one a dear method before a cheap one; the order in which
        // maps are handed on must not depend on its size.
        let mut waiting: Vec<Arrived> = Vec::new();
        let mut came: HashSet<(usize, Method)> = HashSet::new();
        let mut is_first_pass = true;
        while let Some(input) = explainers[0].inputs()? {
            family.each(&input, |member, turn| -> Result<()> {
                if member == explainers.len() {
                    // The images of one batch all go through the original in its first pass, so that their classes are known.
                    let request = request.get_or_init(|| of_classes(&self.classes));
                    explainers.push(Explainer::new(&about, request, &lanes[member])?);
                }
                let (explainer, state) = (&mut explainers[member], first + member);
                explainer.take(&input, |wanted| turn.run(wanted))?;
                if state == 0 {
                    for (index, position) in positions.iter().enumerate() {
                        self.classes[*position] = explainer.answer(index).map(|(_, class)| class);
                    }
                }
                let arrived = lanes[member].arrived(state, explainer, positions);
                if is_first_pass {
                    return self.hand_on(&arrived);
                }
                waiting.extend(arrived);
                Ok(())
            })?;
            explainers[0].give_back(input);
            is_first_pass = false;
            came.extend(waiting.iter().map(|arrived| (arrived.image, arrived.map.method)));
            let is_due = |arrived: &Arrived| {
                let cheaper = |method: &&Method| (1..arrived.map.method.cost_rank()).contains(&method.cost_rank());
                self.request.methods.iter().filter(cheaper).all(|method| came.contains(&(arrived.image, *method)))
            };
            let (mut due, early) = waiting.into_iter().partition::<Vec<_>, _>(is_due);
            waiting = early;
            due.sort_by_key(|arrived| (arrived.image, arrived.map.method.cost_rank(), arrived.state));
            self.hand_on(&due)?;
        }
        if first + family.members() == self.plan.states.len() {
            for position in positions {
                self.originals[*position].values_mut().for_each(Comparable::slim);
            }
        }
        Ok(())
    }

    /// Compares maps with the original ones and hands them on, in their order.
    fn hand_on(&mut self, arrived: &[Arrived]) -> Result<()> {
        let clip_percentile = self.request.parameters.clip_percentile;
        let comparable = |arrived: &Arrived| Comparable::new(&arrived.map, clip_percentile);
        let comparables = arrived.par_iter().map(comparable).collect::<Result<Vec<_>>>()?;
        for (arrived, comparable) in arrived.iter().zip(&comparables).filter(|(arrived, _)| arrived.state == 0) {
            self.originals[arrived.image].insert(arrived.map.method, comparable.clone());
        }
        let originals = &self.originals;
        let similarity = |(arrived, comparable): (&Arrived, &Comparable)| {
            let original = originals[arrived.image].get(&arrived.map.method);
            original.map_or_else(Similarity::default, |original| original.similarity(comparable))
        };
        let similarities: Vec<Similarity> = arrived.par_iter().zip(&comparables).map(similarity).collect();
        let total = self.plan.states.len() * self.plan.request.images.len() * self.methods();
        for ((arrived, comparable), similarity) in arrived.iter().zip(&comparables).zip(similarities) {
            let Arrived { state, image, map, logits, class } = arrived;
            let row =
                Row { image: *image, method: map.method, state: *state, outcome: map.display.outcome, similarity };
            self.rows.push(row);
            let done = self.rows.len();
            (self.keep)(&Finished { map, comparable, row, logits, class: *class, done, total })?;
        }
        if self.watch.is_cancelled() { Err(Error::Cancelled) } else { Ok(()) }
    }

    fn methods(&self) -> usize {
        Method::ALL.iter().filter(|method| self.request.methods.contains(method)).count()
    }
}

/// A map that a state finished.
struct Arrived {
    state: usize,
    image: usize,
    map: SaliencyMap,
    logits: Vec<f32>,
    class: usize,
}

/// Progress of the states of some images as progress of the whole.
struct Followed<'a> {
    watch: &'a dyn Watch,
    /// Images in states that were finished before.
    before: usize,
    /// Images at hand.
    images: usize,
    /// Images in all states.
    all: usize,
    /// Evaluations done by each state at hand.
    done: Mutex<Vec<usize>>,
}

/// One state of some images: follows its explainer.
struct Lane<'a> {
    number: usize,
    followed: &'a Followed<'a>,
    maps: Mutex<Vec<(usize, SaliencyMap)>>,
}

impl<'a> Lane<'a> {
    fn new(number: usize, followed: &'a Followed<'a>) -> Self {
        Self { number, followed, maps: Mutex::default() }
    }

    /// Maps finished since the last time.
    fn arrived(&self, state: usize, explainer: &Explainer<'_>, positions: &[usize]) -> Vec<Arrived> {
        let maps = std::mem::take(&mut *self.maps.lock().unwrap_or_else(PoisonError::into_inner));
        let arrived = maps.into_iter().filter_map(|(index, map)| {
            let (logits, class) = explainer.answer(index)?;
            Some(Arrived { state, image: positions[index], map, logits: logits.to_vec(), class })
        });
        arrived.collect()
    }
}

impl Watch for Lane<'_> {
    /// Every image costs about as much as the mean of those at hand.
    fn progress(&self, done: usize, total: usize) {
        let Followed { watch, before, images, all, .. } = self.followed;
        let mut evaluations = self.followed.done.lock().unwrap_or_else(PoisonError::into_inner);
        evaluations[self.number] = done;
        watch.progress(before * total / images + evaluations.iter().sum::<usize>(), all * total / images);
    }

    fn is_cancelled(&self) -> bool {
        self.followed.watch.is_cancelled()
    }
}

impl MapWatch for Lane<'_> {
    fn finished(&self, finished: &FinishedMap<'_>) {
        let map = (finished.image, finished.map.clone());
        self.maps.lock().unwrap_or_else(PoisonError::into_inner).push(map);
    }
}
