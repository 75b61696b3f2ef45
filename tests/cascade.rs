//! Cascading randomization on small networks: what changes, what stays, and what nothing depends on.

#![allow(clippy::unwrap_used, reason = "a failing unwrap fails the test")]
#![allow(clippy::float_cmp, reason = "initial values are exact")]

#[allow(dead_code, unreachable_pub, reason = "shared with the tests of the networks")]
#[path = "common/formula.rs"]
mod formula;

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use saliscope::cascade::{Cascade, Error, Order, Plan, Randomizer, State, run};
use saliscope::metrics::{spearman, structural_similarities};
use saliscope::network::{
    Architecture, CandleExecutor, CpuExecutor, CpuOptions, Executor, Graph, ParameterRole, Variant, Weights,
    initial_values,
};
use saliscope::saliency::xrai::SegmentCache;
use saliscope::saliency::{Explanation, ImageInput, Method, Preset, Request, explain};
use saliscope::watch::Watch;

const SIDE: usize = 80;

/// One of each family.
const FAMILIES: [Architecture; 13] = [
    Architecture::InceptionV3,
    Architecture::DenseNet121,
    Architecture::ResNet18,
    Architecture::ResNext50,
    Architecture::Vgg11Norm,
    Architecture::AlexNet,
    Architecture::GoogLeNet,
    Architecture::MobileNetV3Small,
    Architecture::EfficientNetB0,
    Architecture::RegNetY400Mf,
    Architecture::ConvNextTiny,
    Architecture::UNet,
    Architecture::RetinaNet,
];

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

fn options(threads: usize) -> CpuOptions {
    CpuOptions { threads: Some(threads), ..CpuOptions::default() }
}

fn run_plan(graph: &Graph, plan: &Plan, threads: usize) -> (Cascade, Maps) {
    let (mut found, maps) = run_with(graph, plan, options(threads));
    found.executor.clear();
    found.forward_work = None;
    (found, maps)
}

fn run_with(graph: &Graph, plan: &Plan, options: CpuOptions) -> (Cascade, Maps) {
    let build = |weights: &Weights| {
        CpuExecutor::new(graph.clone(), weights, options).map(|executor| Box::new(executor) as Box<dyn Executor>)
    };
    run_on(graph, plan, &build)
}

fn run_on(
    graph: &Graph,
    plan: &Plan,
    build: &dyn Fn(&Weights) -> saliscope::network::Result<Box<dyn Executor>>,
) -> (Cascade, Maps) {
    let mut maps: BTreeMap<(usize, usize), BTreeMap<Method, Vec<f32>>> = BTreeMap::new();
    let found = run(plan, graph, &formula::weights(graph), build, &(), &mut |finished| {
        let of = maps.entry((finished.row.state, finished.row.image)).or_default();
        assert!(of.insert(finished.row.method, finished.map.raw.clone()).is_none(), "a map comes once");
        Ok(())
    })
    .unwrap();
    let maps = maps.into_iter().map(|((state, image), maps)| (state, image, maps.into_values().collect())).collect();
    (found, maps)
}

fn raw(explanation: &Explanation) -> Vec<Vec<f32>> {
    explanation.maps.iter().map(|map| map.raw.clone()).collect()
}

#[test]
fn randomized_blocks_begin_anew_and_all_others_keep_every_bit() {
    for architecture in FAMILIES {
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
                        // The factors of ConvNeXt's branches begin near 0.
                        ParameterRole::NormWeight if parameter.name.ends_with(".layer_scale.weight") => {
                            assert!(found.values.iter().all(|value| *value == 1e-6), "{what}");
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
    let plan = plan(&graph, Order::TopDown, Preset::Arun2021, &["a", "b", "c"], &Method::STUDY);
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
    let whole = plan(&graph, Order::TopDown, Preset::Recommended, &["a", "b", "a"], &Method::STUDY);
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
    assert!(found.baselines.is_empty() && found.control.is_some() && found.pairs.is_empty());
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
    fn is_cancelled(&self) -> bool {
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

/// Every state by itself: fresh executors of whole passes, one explanation a state.
fn from_scratch(graph: &Graph, plan: &Plan, options: CpuOptions) -> Maps {
    let trained = formula::weights(graph);
    let mut maps = Vec::new();
    let mut classes = None;
    for (position, state) in plan.states.iter().enumerate() {
        let weights = plan.randomizer.weights(graph, &trained, state).unwrap();
        let executor = CpuExecutor::new(graph.clone(), &weights, options).unwrap();
        let request = Request { classes: classes.clone(), ..plan.request.clone() };
        let explained = explain(&executor, &request, &()).unwrap();
        classes.get_or_insert_with(|| explained.iter().map(|explanation| explanation.class).collect());
        maps.extend(explained.iter().enumerate().map(|(image, explanation)| (position, image, raw(explanation))));
    }
    maps
}

/// A picture with a flat border, whose passes take exact sums.
fn bordered(name: &str) -> ImageInput {
    let mut bordered = image(name);
    for (index, value) in bordered.values.values_mut().iter_mut().enumerate() {
        if index / SIDE % SIDE < SIDE / 3 {
            *value = -1.0;
        }
    }
    ImageInput { id_seed: bordered.id_seed + 1, ..bordered }
}

#[test]
fn shared_prefixes_give_the_bits_of_whole_passes_in_every_order_and_network() {
    for architecture in [Architecture::InceptionV3, Architecture::DenseNet121] {
        let graph = graph(architecture);
        for order in Order::ALL {
            let mut plan = plan(&graph, order, Preset::Recommended, &["a", "b"], &Method::STUDY);
            // Images with and without ties run in plans of their own.
            plan.request.images.push(bordered("c"));
            plan.request.batch = Some(2);
            let expected = from_scratch(&graph, &plan, options(2));
            let (found, maps) = run_with(&graph, &plan, options(2));
            let what = format!("{architecture}, {order}");
            assert_eq!(maps.len(), expected.len(), "{what}");
            for (map, expected) in maps.iter().zip(&expected) {
                assert!(map == expected, "{what}: state {} of image {}", map.0, map.1);
            }
            let work = found.forward_work.unwrap();
            let share = work.reused as f64 / (work.done + work.reused) as f64;
            assert!(share > 0.3, "{what}: only {share} of the forward work is shared");
        }
    }
}

#[test]
fn little_memory_costs_time_and_no_bit() {
    let graph = graph(Architecture::InceptionV3);
    let methods = [Method::Grad, Method::Sg, Method::Gcam, Method::Gbp];
    let plan = plan(&graph, Order::TopDown, Preset::Recommended, &["a", "b"], &methods);
    let with = |kept_bytes: usize| run_with(&graph, &plan, CpuOptions { kept_bytes, ..options(2) });
    let (whole, expected) = with(1 << 30);
    let reused = |found: &Cascade| found.forward_work.unwrap().reused;
    assert!(reused(&whole) > 0);
    let mut before = reused(&whole);
    let mut between = 0;
    for shift in (14..24).rev() {
        let (found, maps) = with(1 << shift);
        assert!(maps == expected, "{} bytes", 1 << shift);
        assert!(reused(&found) <= before, "less memory shares no more");
        before = reused(&found);
        between += usize::from(before > 0 && before < reused(&whole));
    }
    assert!(between > 0, "some boundaries fit and others do not");
    let (found, maps) = with(0);
    assert!(maps == expected && reused(&found) == 0);
    let total = |found: &Cascade| found.forward_work.unwrap().done + reused(found);
    assert_eq!(total(&found), total(&whole), "what is not shared is done");
}

#[test]
fn executors_that_share_nothing_go_state_by_state_to_the_same_end() {
    let graph = graph(Architecture::InceptionV3);
    let mut plan = plan(&graph, Order::TopDown, Preset::Arun2021, &["a"], &[Method::Grad, Method::Gcam]);
    plan.states.truncate(4);
    let candle = |weights: &Weights| {
        let (device, kind) = (candle_core::Device::Cpu, candle_core::DType::F32);
        CandleExecutor::new(graph.clone(), weights, device, kind).map(|found| Box::new(found) as Box<dyn Executor>)
    };
    let (found, maps) = run_on(&graph, &plan, &candle);
    assert_eq!((found.rows.len(), found.forward_work), (8, None));
    let order: Vec<_> = found.rows.iter().map(|row| (row.state, row.method)).collect();
    assert!(order.is_sorted());
    // The same pictures but for rounding.
    for (of_candle, ours) in maps.iter().zip(&run_plan(&graph, &plan, 2).1) {
        for (a, b) in of_candle.2.iter().zip(&ours.2) {
            let distance: f32 = a.iter().zip(b).map(|(a, b)| (a - b).abs()).sum();
            assert!(distance <= 0.02 * b.iter().map(|value| value.abs()).sum::<f32>(), "state {}", ours.0);
        }
    }
}

/// Stops once so many maps came.
struct Until<'a>(&'a AtomicUsize);

impl Watch for Until<'_> {
    fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed) >= 50
    }
}

#[test]
fn cheap_methods_come_first_in_all_states_and_what_came_before_a_stop_is_whole() {
    let graph = graph(Architecture::InceptionV3);
    let mut plan = plan(&graph, Order::TopDown, Preset::Arun2021, &["a"], &Method::STUDY);
    // Small batches: a large one would finish everything at once.
    plan.request.batch = Some(8);
    let trained = formula::weights(&graph);
    let build = |weights: &Weights| {
        CpuExecutor::new(graph.clone(), weights, options(2)).map(|executor| Box::new(executor) as Box<dyn Executor>)
    };
    let mut came = Vec::new();
    let mut rows = Vec::new();
    let found = run(&plan, &graph, &trained, &build, &(), &mut |finished| {
        came.push((finished.row.method, finished.row.state));
        rows.push(finished.row);
        assert_eq!((finished.done, finished.total), (came.len(), 96));
        assert!(finished.logits.len() == 2 && finished.class < 2);
        Ok(())
    })
    .unwrap();
    let last = |methods: &[Method]| came.iter().rposition(|(method, _)| methods.contains(method)).unwrap();
    let first = |method: Method| came.iter().position(|(other, _)| *other == method).unwrap();
    assert!(last(&[Method::Grad, Method::Gcam, Method::Gbp, Method::Ggcam]) < first(Method::Ig));
    assert!(first(Method::Ig) < first(Method::Sig) && last(&[Method::Ig, Method::Sg]) < last(&[Method::Sig]));
    let early = saliscope::cascade::curves(&rows[..48], &[Method::Grad], 12, |similarity| similarity.ssim_range_1);
    assert_eq!(early[0], found.curves(|similarity| similarity.ssim_range_1)[0], "curves of a cascade that still runs");

    // Cancelled in the middle: everything that came is final.
    let stop = AtomicUsize::new(0);
    let mut kept = Vec::new();
    let stopped = run(&plan, &graph, &trained, &build, &Until(&stop), &mut |finished| {
        stop.fetch_add(1, Ordering::Relaxed);
        kept.push((finished.row, finished.map.raw.clone()));
        Ok(())
    });
    assert!(matches!(stopped, Err(Error::Cancelled)) && (50..96).contains(&kept.len()), "{}", kept.len());
    for (row, _) in &kept {
        assert!(found.rows.contains(row));
    }
}
