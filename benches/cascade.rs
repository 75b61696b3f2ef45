//! A whole cascade of the methods that need one pass, with what states have in common shared and with every state by itself,
//! alternating in one run: InceptionV3 at full width, 320x320, one image, the study's twelve states, 2 threads.
//!
//!     cargo bench --bench cascade [-- ROUNDS]

#![allow(clippy::print_stdout, reason = "the result is for the reader")]

use std::time::Instant;

use saliscope::cascade::{Comparable, Order, Plan, Randomizer, State, run};
use saliscope::network::{
    Architecture, Batch, CpuExecutor, CpuOptions, Executor, Family, Graph, Result, Target, Variant, Wanted, Weights,
};
use saliscope::saliency::{ImageInput, Method, Preset, Request, explain};

const SIDE: usize = 320;
const METHODS: [Method; 4] = [Method::Grad, Method::Gcam, Method::Gbp, Method::Ggcam];

fn options() -> CpuOptions {
    CpuOptions { threads: Some(2), ..CpuOptions::default() }
}

fn build(graph: &Graph, weights: &Weights) -> Result<Box<dyn Executor>> {
    CpuExecutor::new(graph.clone(), weights, options()).map(|executor| Box::new(executor) as Box<dyn Executor>)
}

/// Waves of many lengths: an image without flat areas.
fn image() -> ImageInput {
    let value = |index: usize| {
        let (x, y) = ((index % SIDE) as f32, (index / SIDE % SIDE) as f32);
        0.5 * (0.05 * x + 0.02 * y).sin() + 0.3 * (0.31 * x - 0.23 * y).cos() + 0.2 * (1.7 * x + 2.3 * y).sin()
    };
    let values = (0..3 * SIDE * SIDE).map(value).collect();
    ImageInput { id_seed: 1, values: Batch::new([1, 3, SIDE, SIDE], values) }
}

/// What a cascade did before anything was shared: for each state weights, an executor, whole passes, the comparison.
fn alone(plan: &Plan, graph: &Graph, trained: &Weights) -> Result<usize> {
    let mut originals: Vec<Comparable> = Vec::new();
    let mut compared = 0;
    let mut request = Request { intermediates: true, ..plan.request.clone() };
    for state in &plan.states {
        let Ok(weights) = plan.randomizer.weights(graph, trained, state) else { continue };
        let executor = build(graph, &weights)?;
        for explanation in explain(executor.as_ref(), &request, &()).unwrap_or_default() {
            request.classes = Some(vec![explanation.class]);
            let maps = explanation.maps.iter().map(|map| Comparable::new(map, request.parameters.clip_percentile));
            let maps: Vec<Comparable> = maps.flatten().collect();
            if originals.is_empty() {
                originals.clone_from(&maps);
            }
            for (original, map) in originals.iter().zip(&maps) {
                std::hint::black_box(original.similarity(map));
                compared += 1;
            }
        }
    }
    Ok(compared)
}

fn shared(plan: &Plan, graph: &Graph, trained: &Weights) -> usize {
    let found = run(plan, graph, trained, &|weights| build(graph, weights), &(), &mut |_| Ok(()));
    found.map_or(0, |found| {
        if let Some(work) = found.forward_work {
            let share = work.reused as f64 / (work.done + work.reused) as f64;
            println!("  {:.0} % of the forward multiply-adds are shared", 100.0 * share);
        }
        found.rows.len()
    })
}

/// What [`METHODS`] want of the one pass that makes them.
fn wanted(graph: &Graph) -> Wanted<'static> {
    Wanted { target: Target::Class(0), gradient: true, guided_gradient: true, activation: Some(graph.features()) }
}

/// Seconds of passes alone over executors that are ready, each by itself.
fn passes_alone(plan: &Plan, executors: &[Box<dyn Executor>]) -> Result<f64> {
    let input = &plan.request.images[0].values;
    let start = Instant::now();
    for executor in executors {
        executor.run(&wanted(executor.graph()).of(input))?;
    }
    Ok(start.elapsed().as_secs_f64())
}

/// The same over executors that share.
fn passes_shared(plan: &Plan, family: &Family) -> Result<f64> {
    let start = Instant::now();
    family.each(&plan.request.images[0].values, |_, turn| turn.run(wanted(family.graph())).map(|_| ()))?;
    Ok(start.elapsed().as_secs_f64())
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn main() -> Result<()> {
    let rounds = std::env::args().find_map(|word| word.parse().ok()).unwrap_or(3).max(1);
    // Work outside of the executors must not find more threads than they have.
    let _ = rayon::ThreadPoolBuilder::new().num_threads(2).build_global();
    let graph = Architecture::InceptionV3.graph(&Variant::default());
    let trained = Weights::initialize(&graph, 0);
    let states = State::all(&graph, Order::TopDown, Preset::Arun2021);
    let request = Request::new(vec![image()], METHODS.to_vec(), Preset::Arun2021);
    let plan = Plan { states, randomizer: Randomizer { seed: 1, replicate: 1 }, request };
    let (mut whole, mut ratios) = ([Vec::new(), Vec::new()], Vec::new());
    for _ in 0..rounds {
        let start = Instant::now();
        let compared = alone(&plan, &graph, &trained)?;
        whole[0].push(start.elapsed().as_secs_f64());
        let start = Instant::now();
        assert_eq!(shared(&plan, &graph, &trained), compared, "both make the same maps");
        whole[1].push(start.elapsed().as_secs_f64());
        let [naive, ours] = [0, 1].map(|which| whole[which][whole[which].len() - 1]);
        println!("  each state by itself {naive:.2} s, shared {ours:.2} s, ratio {:.2}", ours / naive);
        ratios.push(ours / naive);
    }
    println!(
        "cascade of {} states, weights and comparison included: {:.2} of the time",
        plan.states.len(),
        median(ratios)
    );

    let Ok(weights) = plan.randomizer.weights_of(&graph, &trained, &plan.states) else { return Ok(()) };
    let single: Vec<_> = weights.iter().map(|weights| build(&graph, weights)).collect::<Result<_>>()?;
    let mut family = Family::new(build(&graph, &weights[0])?);
    assert!(family.join(&weights[1..])?, "the processor's executors share");
    let mut ratios = Vec::new();
    for round in 0..=rounds {
        let [naive, ours] = [passes_alone(&plan, &single)?, passes_shared(&plan, &family)?];
        // The first round packs weights.
        if round > 0 {
            println!(
                "  passes alone: each state by itself {naive:.2} s, shared {ours:.2} s, ratio {:.2}",
                ours / naive
            );
            ratios.push(ours / naive);
        }
    }
    println!("passes of executors that are ready: {:.2} of the time", median(ratios));
    Ok(())
}
