//! Times passes of the processor's executor, for comparison with PyTorch:
//! `cargo run --release --example peer_pass -- MODEL.safetensors BATCH THREADS REPEATS [ISA]`.
//!
//! Prints the median seconds of one forward pass and of one pass with the input gradient, for the whole batch, as JSON.

use std::error::Error;
use std::io::Write;
use std::path::Path;
use std::time::Instant;

use saliscope::network::{Batch, CpuExecutor, CpuOptions, Executor, Model, Pass, Target};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [model, batch, threads, repeats, isa @ ..] = arguments.as_slice() else {
        return Err("usage: peer_pass MODEL.safetensors BATCH THREADS REPEATS [ISA]".into());
    };
    let (batch, repeats): (usize, usize) = (batch.parse()?, repeats.parse()?);
    let model = Model::open(Path::new(model), None)?;
    let isa = isa.first().map(|name| name.parse()).transpose()?;
    let options = CpuOptions { threads: Some(threads.parse()?), isa, ..CpuOptions::default() };
    let executor = CpuExecutor::new(model.graph.clone(), &model.weights, options)?;
    let [height, width] = model.card.input_size;
    let shape = [batch, model.graph.input_channels(), height, width];
    let waves = (0..shape.iter().product()).map(|index: usize| (index as f32 * 0.013).sin()).collect();
    let input = Batch::new(shape, waves);
    let forward = Pass::logits(&input);
    let gradient = Pass { target: Target::Class(1), gradient: true, ..forward };
    let (mut forward_secs, mut gradient_secs) = (Vec::new(), Vec::new());
    // The first round packs weights and takes memory.
    for round in 0..=repeats {
        for (pass, secs) in [(&forward, &mut forward_secs), (&gradient, &mut gradient_secs)] {
            let start = Instant::now();
            executor.run(pass)?;
            if round > 0 {
                secs.push(start.elapsed().as_secs_f64());
            }
        }
    }
    let median = |secs: &mut Vec<f64>| {
        secs.sort_by(f64::total_cmp);
        secs[secs.len() / 2]
    };
    let (forward, gradient) = (median(&mut forward_secs), median(&mut gradient_secs));
    writeln!(
        std::io::stdout(),
        "{{\"forward\": {forward}, \"gradient\": {gradient}, \"executor\": \"{}\"}}",
        executor.describe()
    )?;
    Ok(())
}
