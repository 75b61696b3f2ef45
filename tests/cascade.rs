//! Cascading randomization on small networks: what changes, what stays, and what nothing depends on.

#![allow(clippy::unwrap_used, reason = "a failing unwrap fails the test")]
#![allow(clippy::float_cmp, reason = "initial values are exact")]

#[allow(dead_code, unreachable_pub, reason = "shared with the tests of the networks")]
#[path = "common/formula.rs"]
mod formula;

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use saliscope::cascade::{Cascade, Error, Order, Plan, Randomizer, State, run};
use saliscope::metrics::{spearman, structural_similarities};
use saliscope::network::{
    Architecture, CpuExecutor, CpuOptions, Executor, Graph, ParameterRole, Variant, Weights, initial_values,
};
use saliscope::saliency::xrai::SegmentCache;
use saliscope::saliency::{Explanation, ImageInput, Method, Preset, Request, Watch, explain};

const SIDE: usize = 80;

fn graph(architecture: Architecture) -> Graph {
    architecture.graph(&Variant { width: 0.0625, ..architecture.usual_variant() })
}

fn image(name: &str) -> ImageInput {
    let id_seed = name.bytes().fold(0, |seed, byte| seed * 31 + u64::from(byte));
    ImageInput { id_seed, values: formula::image(name, 3, SIDE, SIDE) }
}

fn plan(graph: &Graph, order: Order, preset: Preset, images: &[&str], methods: &[Method]) -> Plan {
    let images = images.iter().map(|name| image(name)).collect();
    let mut request = Request::new(images, methods.to_vec(), preset);
    request.parameters.sg.samples = 2;
    request.parameters.sig.noise.samples = 2;
    request.parameters.sig.path.steps = 3;
    request.parameters.ig.steps = 3;
    request.parameters.xrai.ig_steps = 3;
    request.positive_class = Some(1);
    Plan { states: State::all(graph, order, preset), randomizer: Randomizer { seed: 3, replicate: 1 }, request }
}

/// Raw maps, by state, image and method.
type Maps = Vec<(usize, usize, Vec<Vec<f32>>)>;

fn run_plan(graph: &Graph, plan: &Plan, threads: usize) -> (Cascade, Maps) {
    let build = |weights: &Weights| {
        let options = CpuOptions { threads: Some(threads), ..CpuOptions::default() };
        CpuExecutor::new(graph.clone(), weights, options).map(|executor| Box::new(executor) as Box<dyn Executor>)
    };
    let mut maps = Vec::new();
    let mut found = run(plan, graph, &formula::weights(graph), &build, &(), &mut |finished| {
        maps.push((finished.state, finished.image, raw(finished.explanation)));
        Ok(())
    })
    .unwrap();
    found.executor.clear();
    (found, maps)
}

fn raw(explanation: &Explanation) -> Vec<Vec<f32>> {
    explanation.maps.iter().map(|map| map.raw.clone()).collect()
}

#[test]
fn randomized_blocks_begin_anew_and_all_others_keep_every_bit() {
    for architecture in Architecture::ALL {
        let graph = graph(architecture);
        let trained = formula::weights(&graph);
        let randomizer = Randomizer { seed: 3, replicate: 1 };
        for order in Order::ALL {
            let states = State::all(&graph, order, Preset::Recommended);
            let mut reached = HashSet::new();
            for state in &states {
                let weights = randomizer.weights(&graph, &trained, state).unwrap();
                weights.check(&graph).unwrap();
                for parameter in graph.parameters() {
                    let block = &graph.blocks()[graph.node(parameter.node).block];
                    let (found, before) =
                        (weights.get(&parameter.name).unwrap(), trained.get(&parameter.name).unwrap());
                    let what = format!("{architecture}, {order}, state {}, {}", state.name, parameter.name);
                    if !state.blocks.contains(block) {
                        assert!(std::ptr::eq(found, before), "{what} was copied or changed");
                        continue;
                    }
                    reached.insert(parameter.name.clone());
                    assert_ne!(found, before, "{what} stayed");
                    let seed = randomizer.block_seed(block);
                    assert_eq!(found.values, initial_values(graph.architecture(), &parameter, seed), "{what}");
                    match parameter.role {
                        ParameterRole::NormBias | ParameterRole::RunningMean => {
                            assert!(found.values.iter().all(|value| *value == 0.0), "{what}");
                        }
                        ParameterRole::NormWeight | ParameterRole::RunningVariance => {
                            assert!(found.values.iter().all(|value| *value == 1.0), "{what}");
                        }
                        _ => {}
                    }
                }
            }
            assert_eq!(reached.len(), graph.parameters().len(), "{architecture}, {order}: every tensor has its state");
            let last = states.last().unwrap();
            assert_eq!(last.blocks.len(), if order == Order::Independent { 1 } else { states.len() - 1 });
        }
    }
}

#[test]
fn seed_replicate_and_block_decide_the_draw() {
    let graph = graph(Architecture::InceptionV3);
    let trained = formula::weights(&graph);
    let down = State::all(&graph, Order::TopDown, Preset::Arun2021);
    let alone = State::all(&graph, Order::Independent, Preset::Arun2021);
    let name = "Mixed_7c.branch1x1.conv.weight";
    let draw = |seed, replicate, state: &State| {
        let weights = Randomizer { seed, replicate }.weights(&graph, &trained, state).unwrap();
        weights.get(name).unwrap().values.clone()
    };
    let first = draw(3, 1, &down[2]);
    assert_eq!(first, draw(3, 1, &down[2]));
    assert_eq!(first, draw(3, 1, &down[11]), "later states keep what earlier ones drew");
    assert_eq!(first, draw(3, 1, &alone[2]), "and so does the block alone");
    assert_ne!(first, draw(4, 1, &down[2]));
    assert_ne!(first, draw(3, 2, &down[2]));
    // Seed and replicate cannot stand for each other.
    assert_ne!(draw(1, 2, &down[2]), draw(2, 1, &down[2]));
    assert_ne!(Randomizer::default().block_seed("mixed1"), Randomizer::default().block_seed("mixed10"));
    let mut foreign = trained.clone();
    foreign.insert("extra".to_owned(), trained.get(name).unwrap().clone());
    assert!(Randomizer::default().weights(&graph, &foreign, &down[1]).is_err());
}

#[test]
fn a_state_alone_is_the_state_in_sequence() {
    let graph = graph(Architecture::InceptionV3);
    for order in Order::ALL {
        let whole = plan(&graph, order, Preset::Arun2021, &["a", "b"], &[Method::Sg, Method::Gcam, Method::Gbp]);
        let (found, maps) = run_plan(&graph, &whole, 2);
        assert_eq!(found.states.len(), 12);
        for name in ["Logits", "5", "1"] {
            let states = State::choose(whole.states.clone(), &[name.to_owned()]).unwrap();
            let position = whole.states.iter().position(|state| *state == states[1]).unwrap();
            let (alone, alone_maps) = run_plan(&graph, &Plan { states, ..whole.clone() }, 2);
            let in_sequence: Vec<_> = maps.iter().filter(|map| map.0 == position).map(|map| (map.1, &map.2)).collect();
            let by_itself: Vec<_> = alone_maps.iter().filter(|map| map.0 == 1).map(|map| (map.1, &map.2)).collect();
            assert!(in_sequence == by_itself, "{order}, state {name}");
            let rows = |found: &Cascade, state| -> Vec<_> {
                let rows = found.rows.iter().filter(|row| row.state == state);
                rows.map(|row| (row.image, row.method, row.similarity)).collect()
            };
            assert_eq!(rows(&found, position), rows(&alone, 1), "{order}, state {name}");
        }
    }
}

#[test]
fn a_state_is_what_its_weights_give_from_scratch() {
    let graph = graph(Architecture::DenseNet121);
    let plan = plan(&graph, Order::TopDown, Preset::Arun2021, &["a", "b", "c"], &Method::ALL);
    let states = State::choose(plan.states.clone(), &["denseblock4".to_owned(), "stem".to_owned()]).unwrap();
    let plan = Plan { states, ..plan };
    let (found, maps) = run_plan(&graph, &plan, 2);
    let options = CpuOptions::default();
    let trained = CpuExecutor::new(graph.clone(), &formula::weights(&graph), options).unwrap();
    let originals = explain(&trained, &plan.request, &()).unwrap();
    assert_eq!(found.classes, originals.iter().map(|original| original.class).collect::<Vec<_>>());
    let mut weights = formula::weights(&graph);
    for parameter in graph.parameters() {
        let block = graph.blocks()[graph.node(parameter.node).block].clone();
        let values = initial_values("densenet_121", &parameter, plan.randomizer.block_seed(&block));
        weights.insert(parameter.name, saliscope::network::Tensor { shape: parameter.shape, values });
    }
    let random = CpuExecutor::new(graph.clone(), &weights, options).unwrap();
    for (image, original) in originals.iter().enumerate() {
        let mut request = plan.request.clone();
        request.images = vec![request.images[image].clone()];
        request.class = saliscope::saliency::ClassChoice::Index(original.class);
        let scratch = &explain(&random, &request, &()).unwrap()[0];
        let kept = |state| &maps.iter().find(|map| map.0 == state && map.1 == image).unwrap().2;
        assert!(*kept(0) == raw(original), "the original of image {image}");
        assert!(*kept(2) == raw(scratch), "the last state of image {image}");
        for (map, first) in scratch.maps.iter().zip(&original.maps) {
            let row = found.rows.iter().find(|row| (row.image, row.state, row.method) == (image, 2, map.method));
            let row = row.unwrap();
            assert_eq!(row.outcome, map.display.outcome);
            if map.display.reason.is_some() || first.display.reason.is_some() {
                assert_eq!(row.similarity.ssim_range_1, None, "there is nothing to compare");
                continue;
            }
            let (a, b) = (&first.display.values, &map.display.values);
            let [one, two] = structural_similarities(a, b, [SIDE, SIDE], [1.0, 2.0]).unwrap();
            assert_eq!([row.similarity.ssim_range_1, row.similarity.ssim_range_2], [Some(one), Some(two)]);
            assert_eq!(row.similarity.spearman, spearman(a, b).ok());
            let has_sign = matches!(map.method, Method::Grad | Method::Ig | Method::Xrai | Method::Gbp);
            assert_eq!(row.similarity.signed_ssim.is_some(), has_sign, "{}", map.method);
        }
    }
    for row in found.rows.iter().filter(|row| row.state == 0 && row.similarity.ssim_range_1.is_some()) {
        assert_eq!((row.similarity.ssim_range_1, row.similarity.spearman), (Some(1.0), Some(1.0)));
    }
}

#[test]
fn threads_batches_and_company_change_nothing_and_segments_are_made_once() {
    let graph = graph(Architecture::InceptionV3);
    let whole = plan(&graph, Order::TopDown, Preset::Recommended, &["a", "b", "a"], &Method::ALL);
    let states = State::choose(whole.states.clone(), &["10".to_owned(), "stem".to_owned()]).unwrap();
    let mut whole = Plan { states, ..whole };
    let cache = Arc::new(SegmentCache::default());
    whole.request.segments = Some(Arc::clone(&cache));
    let expected = run_plan(&graph, &whole, 2);
    assert_eq!(cache.len(), 2, "two different images");
    assert!(expected.0.classes.iter().all(|class| *class == 1), "the positive class");
    for (batch, threads) in [(1, 1), (2, 2), (64, 1)] {
        let mut other = whole.clone();
        other.request.batch = Some(batch);
        other.request.segments = None;
        assert!(run_plan(&graph, &other, threads) == expected, "batch {batch}, {threads} threads");
    }
    let mut alone = whole.clone();
    alone.request.images.truncate(1);
    let (found, maps) = run_plan(&graph, &alone, 2);
    assert!(found.baselines.is_empty() && found.control.is_none() && found.pairs.is_empty());
    assert!(maps.iter().all(|map| expected.1.contains(map)), "an image beside others");
    // The first and the third image are the same, so two of the three pairs are left.
    assert_eq!(expected.0.pairs, [[0, 1], [1, 2]]);
    assert_eq!(expected.0.baselines.len(), 8);
    assert!(expected.0.control.unwrap().ssim_range_1 > 0.0);
}

#[test]
fn the_baseline_is_the_similarity_of_different_images() {
    let graph = graph(Architecture::InceptionV3);
    let mut plan = plan(&graph, Order::TopDown, Preset::Arun2021, &["a", "b"], &[Method::Grad]);
    plan.states.truncate(1);
    let (found, _) = run_plan(&graph, &plan, 2);
    let executor = CpuExecutor::new(graph.clone(), &formula::weights(&graph), CpuOptions::default()).unwrap();
    let explained = explain(&executor, &plan.request, &()).unwrap();
    let [a, b] = [&explained[0], &explained[1]].map(|explanation| &explanation.maps[0].display.values);
    let [one, two] = structural_similarities(a, b, [SIDE, SIDE], [1.0, 2.0]).unwrap();
    let mean = found.baselines[0].mean.unwrap();
    assert_eq!((mean.ssim_range_1, mean.ssim_range_2, mean.pairs), (one, two, 1));
    let curve = &found.curves(|similarity| similarity.ssim_range_2)[0];
    assert_eq!((curve.points[0].mean, curve.points[0].sd, curve.points[0].images), (Some(1.0), Some(0.0), 2));
}

/// Stops after some looks.
struct Impatient(AtomicUsize);

impl Watch for Impatient {
    fn cancelled(&self) -> bool {
        self.0.fetch_add(1, Ordering::Relaxed) > 6
    }
}

/// Notes the progress.
#[derive(Default)]
struct Noting(std::sync::Mutex<Vec<(usize, usize)>>);

impl Watch for Noting {
    fn progress(&self, done: usize, total: usize) {
        self.0.lock().unwrap().push((done, total));
    }
}

#[test]
fn a_cascade_can_be_followed_and_stopped_and_says_what_is_wrong() {
    let graph = graph(Architecture::InceptionV3);
    let plan = plan(&graph, Order::TopDown, Preset::Arun2021, &["a", "b"], &[Method::Grad]);
    let trained = formula::weights(&graph);
    let build = |weights: &Weights| {
        CpuExecutor::new(graph.clone(), weights, CpuOptions::default())
            .map(|executor| Box::new(executor) as Box<dyn Executor>)
    };
    let attempt = |plan: &Plan, watch: &dyn Watch| run(plan, &graph, &trained, &build, watch, &mut |_| Ok(()));
    let noting = Noting::default();
    attempt(&plan, &noting).unwrap();
    let noted = noting.0.into_inner().unwrap();
    assert!(noted.windows(2).all(|two| two[0].0 <= two[1].0) && noted.iter().all(|(done, total)| done <= total));
    assert_eq!(noted.last().unwrap(), &(24, 24), "twelve states of two images");
    assert!(matches!(attempt(&plan, &Impatient(AtomicUsize::new(0))), Err(Error::Cancelled)));
    let mut empty = plan.clone();
    empty.request.images.clear();
    assert!(matches!(attempt(&empty, &()), Err(Error::NoImages)));
    let full = || Error::Sink { reason: "the disk is full".to_owned() };
    let mut times = 0;
    let failed = run(&plan, &graph, &trained, &build, &(), &mut |_| {
        times += 1;
        Err(full())
    });
    assert!(failed.unwrap_err().to_string().contains("the disk is full") && times == 1);
    let mut broken = plan.clone();
    broken.request.images[1].values.values_mut()[5] = f32::NAN;
    assert!(matches!(attempt(&broken, &()), Err(Error::Saliency(_))));
}
