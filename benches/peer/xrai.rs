//! Times XRAI's segmentation and merge on given arrays and writes the results, for comparison with PAIR:
//! `cargo run --release --example peer_xrai -- IMAGE.npy ATTRIBUTION.npy REPEATS OUT_PREFIX`.
//!
//! IMAGE is float32 `[c, h, w]`, ATTRIBUTION float32 `[h, w]`. Writes `OUT_PREFIX_labels.npy` (i32, `[scales, h, w]`),
//! `OUT_PREFIX_full.npy` and `OUT_PREFIX_fast.npy` (f32, `[h, w]`) and prints the median seconds of each step as JSON.

use std::error::Error;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::time::Instant;

use saliscope::array_file::{NpyArray, NpyElement, write_npy};
use saliscope::saliency::xrai::{self, MergeRule, Parameters};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [image, attribution, repeats, prefix] = arguments.as_slice() else {
        return Err("usage: xrai IMAGE.npy ATTRIBUTION.npy REPEATS OUT_PREFIX".into());
    };
    let repeats: usize = repeats.parse()?;
    let (image, shape) = read(image)?;
    let [channels, height, width] = shape[..] else { return Err("IMAGE must have the shape [c, h, w]".into()) };
    let (attribution, _) = read(attribution)?;
    let full = Parameters::default();
    let fast = Parameters { merge: MergeRule::Fast, ..full.clone() };

    let segment = || xrai::segment(&image, [channels, height, width], &full);
    let (segmentation, segment_secs) = timed(repeats, segment)?;
    let (full_map, full_secs) = timed(repeats, || xrai::merge(&attribution, &segmentation, &full))?;
    let (fast_map, fast_secs) = timed(repeats, || xrai::merge(&attribution, &segmentation, &fast))?;

    let scales = segmentation.labels().len();
    write(&format!("{prefix}_labels.npy"), &[scales, height, width], &segmentation.labels().concat())?;
    write(&format!("{prefix}_full.npy"), &[height, width], &full_map.map)?;
    write(&format!("{prefix}_fast.npy"), &[height, width], &fast_map.map)?;
    let masks = segmentation.masks().len();
    writeln!(
        std::io::stdout(),
        "{{\"segment\": {segment_secs}, \"full\": {full_secs}, \"fast\": {fast_secs}, \"masks\": {masks}}}"
    )?;
    Ok(())
}

/// The last result of `repeats` runs and their median seconds.
fn timed<T, E: Error + 'static>(repeats: usize, run: impl Fn() -> Result<T, E>) -> Result<(T, f64), Box<dyn Error>> {
    let mut secs = Vec::new();
    loop {
        let start = Instant::now();
        let result = run()?;
        secs.push(start.elapsed().as_secs_f64());
        if secs.len() >= repeats {
            secs.sort_by(f64::total_cmp);
            return Ok((result, secs[secs.len() / 2]));
        }
    }
}

fn read(path: &str) -> Result<(Vec<f32>, Vec<usize>), Box<dyn Error>> {
    let NpyArray { shape, values } = NpyArray::from_bytes(&std::fs::read(path)?)?;
    Ok((values.into_f32(), shape))
}

fn write<T: NpyElement>(path: &str, shape: &[usize], values: &[T]) -> Result<(), Box<dyn Error>> {
    let mut file = BufWriter::new(File::create(path)?);
    write_npy(&mut file, shape, values)?;
    Ok(file.flush()?)
}
