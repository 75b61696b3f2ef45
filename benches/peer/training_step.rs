//! Times training steps on the processor, for comparison with PyTorch:
//! `cargo run --release --example peer_training_step -- ARCHITECTURE WIDTH SIDE_PX BATCH THREADS REPEATS [ISA]`.
//!
//! Prints the median seconds of forward, backward and optimizer as JSON.

use std::error::Error;
use std::io::Write;
use std::time::Instant;

use saliscope::network::{AdamW, Architecture, Batch, CpuOptions, CpuTrainer, Mode, Trainable, Variant, Weights};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [architecture, width, side, batch, threads, repeats, isa @ ..] = arguments.as_slice() else {
        return Err("usage: peer_training_step ARCHITECTURE WIDTH SIDE_PX BATCH THREADS REPEATS [ISA]".into());
    };
    let (side, batch, repeats): (usize, usize, usize) = (side.parse()?, batch.parse()?, repeats.parse()?);
    let graph = architecture.parse::<Architecture>()?.graph(&Variant { width: width.parse()?, ..Variant::default() });
    let weights = Weights::initialize(&graph, 1);
    let isa = isa.first().map(|name| name.parse()).transpose()?;
    let options = CpuOptions { threads: Some(threads.parse()?), isa, ..CpuOptions::default() };
    let mut trainer = CpuTrainer::new(graph, &weights, options)?;
    let shape = [batch, 3, side, side];
    let waves = (0..shape.iter().product()).map(|index: usize| (index as f32 * 0.013).sin()).collect();
    let input = Batch::new(shape, waves);
    let mut secs = [Vec::new(), Vec::new(), Vec::new()];
    // The first round takes memory.
    for round in 0..=repeats {
        let mut start = Instant::now();
        let mut lap = |part: usize| {
            if round > 0 {
                secs[part].push(start.elapsed().as_secs_f64());
            }
            start = Instant::now();
        };
        let outputs = trainer.forward(&input, Mode::Train)?;
        lap(0);
        trainer.backward(&outputs)?;
        lap(1);
        trainer.update(&AdamW { learning_rate: 1e-4, ..AdamW::default() })?;
        lap(2);
    }
    let [forward, backward, update] = secs.map(|mut secs| {
        secs.sort_by(f64::total_cmp);
        secs[secs.len() / 2]
    });
    writeln!(
        std::io::stdout(),
        "{{\"forward\": {forward}, \"backward\": {backward}, \"update\": {update}, \"executor\": \"{}\"}}",
        trainer.describe()
    )?;
    Ok(())
}
