//! Keeps the finished maps of one image, each with its provenance.

use std::sync::Arc;

use super::canvas::{Canvas, Made};
use super::explanation::SaliencyMap;
use super::methods::{Method, Reads};
use super::parameters::{Parameters, Preset};
use super::provenance::{Completeness, Evaluations, NoiseOrigin, Provenance};
use super::request::ClassChoice;
use super::xrai;
use crate::network::ReadArea;

/// What the maps of one request have in common.
#[derive(Clone, Debug)]
pub(super) struct Common {
    /// Wanted methods in the study's order.
    pub(super) methods: Vec<Method>,
    pub(super) parameters: Parameters,
    pub(super) preset: Preset,
    pub(super) class_choice: ClassChoice,
    pub(super) noise: NoiseOrigin,
    pub(super) executor: String,
    /// Name of the node whose activation is read.
    pub(super) tensor: String,
    pub(super) intermediates: bool,
    /// Segments of XRAI made before.
    pub(super) segments: Option<Arc<xrai::SegmentCache>>,
}

/// Keeps the maps of one image.
pub(super) struct Maker {
    common: Arc<Common>,
    maps: Vec<SaliencyMap>,
}

impl Maker {
    pub(super) fn new(common: Arc<Common>) -> Self {
        Self { common, maps: Vec::new() }
    }

    pub(super) fn common(&self) -> &Arc<Common> {
        &self.common
    }

    /// The finished maps in the study's order.
    pub(super) fn into_maps(mut self) -> Vec<SaliencyMap> {
        self.maps.sort_by_key(|map| map.method);
        self.maps
    }

    /// Keeps a finished map and shows it.
    pub(super) fn finish(
        &mut self,
        method: Method,
        made: Made,
        canvas: &Canvas<'_>,
        evaluations: Evaluations,
        seconds: f64,
        completeness: Option<Completeness>,
    ) -> &SaliencyMap {
        let common = &self.common;
        let parameters = common.parameters.used_by(method);
        let provenance = Provenance {
            method,
            preset: common.preset,
            class: canvas.class,
            class_choice: common.class_choice,
            noise: parameters.noise().map(|_| common.noise),
            parameters,
            executor: common.executor.clone(),
            evaluations,
            seconds,
            completeness,
            tensor: method.spec().reads(Reads::Activation).then(|| common.tensor.clone()),
        };
        let Made { raw, display, intermediates } = made;
        let [height, width] = canvas.size();
        let area = ReadArea::whole([height, width]);
        let map = SaliencyMap { method, raw, height, width, display, provenance, area, intermediates };
        self.maps.push_mut(map)
    }
}
