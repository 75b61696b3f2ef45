//! XRAI's segmentation and merge, and the resizes, against scikit-image and PAIR's `saliency`.
//!
//! The fixtures are made by `tests/reference/xrai.py`.

#![expect(clippy::unwrap_used, reason = "a fixture that cannot be read fails its test")]

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;

use saliscope::array_file::NpyArray;
use saliscope::saliency::resize;
use saliscope::saliency::xrai::{self, Error, MergeRule, Parameters, Segmentation};

/// The arrays of one `.npz`, as f64 and shape; every type used is exact in f64.
struct Fixture(BTreeMap<String, (Vec<f64>, Vec<usize>)>);

impl Fixture {
    fn read(name: &str) -> Self {
        let path = format!("{}/tests/fixtures/xrai/{name}.npz", env!("CARGO_MANIFEST_DIR"));
        let mut archive = zip::ZipArchive::new(File::open(path).unwrap()).unwrap();
        let mut arrays = BTreeMap::new();
        for index in 0..archive.len() {
            let mut entry = archive.by_index(index).unwrap();
            let name = entry.name().unwrap().trim_end_matches(".npy").to_owned();
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).unwrap();
            let NpyArray { shape, values } = NpyArray::from_bytes(&bytes).unwrap();
            arrays.insert(name, (values.into_f64(), shape));
        }
        Self(arrays)
    }

    fn values(&self, name: &str) -> &[f64] {
        &self.0[name].0
    }

    fn shape(&self, name: &str) -> &[usize] {
        &self.0[name].1
    }

    fn floats(&self, name: &str) -> Vec<f32> {
        self.values(name).iter().map(|&value| value as f32).collect()
    }

    fn sizes(&self, name: &str) -> Vec<usize> {
        self.values(name).iter().map(|&value| value as usize).collect()
    }

    /// Undoes the run-length code.
    fn unpacked(&self, name: &str) -> Vec<f64> {
        let lengths = self.sizes(&format!("{name}_lengths"));
        let values = self.values(&format!("{name}_values"));
        values.iter().zip(lengths).flat_map(|(&value, length)| std::iter::repeat_n(value, length)).collect()
    }

    fn labels(&self, pixels: usize) -> Vec<Vec<i32>> {
        let labels: Vec<i32> = self.unpacked("labels").iter().map(|&label| label as i32).collect();
        labels.chunks_exact(pixels).map(<[i32]>::to_vec).collect()
    }

    /// The image `[c, h, w]`; bytes are scaled to -1..1 in the order of operations of the networks' input.
    fn image(&self) -> (Vec<f32>, [usize; 3]) {
        let copies = self.sizes("copies")[0];
        let [planes, height, width] = self.shape("image")[..] else { panic!("an image has three axes") };
        let bytes = self.values("image").iter().all(|value| value.fract() == 0.0);
        let scale = |value: f32| if bytes { (value / 255.0 - 0.5) * 2.0 } else { value };
        let image: Vec<f32> = self.floats("image").into_iter().map(scale).collect();
        (image.repeat(copies), [planes * copies, height, width])
    }
}

fn largest_difference(ours: &[f32], theirs: &[f64]) -> f64 {
    assert_eq!(ours.len(), theirs.len());
    ours.iter().zip(theirs).map(|(&ours, theirs)| (f64::from(ours) - theirs).abs()).fold(0.0, f64::max)
}

const IMAGES: [&str; 12] = [
    "chest_320",
    "chest_96",
    "chest_120x90",
    "border_130x150",
    "colour_70x85",
    "noisy_64",
    "noise_17x120",
    "one_channel_60x75",
    "own_size_100x80",
    "chest_7x9",
    "chest_1x50",
    "steps_160",
];

fn parameters_for(name: &str) -> Parameters {
    let resize_px = if name.starts_with("own_size") { None } else { Some([224, 224]) };
    Parameters { resize_px, ..Parameters::default() }
}

#[test]
fn labels_equal_scikit_image() {
    for name in IMAGES {
        let fixture = Fixture::read(name);
        let (image, shape) = fixture.image();
        let segmentation = xrai::segment(&image, shape, &parameters_for(name)).unwrap();
        let expected = fixture.labels(shape[1] * shape[2]);
        assert_eq!(segmentation.labels().len(), expected.len());
        for (scale, (ours, theirs)) in segmentation.labels().iter().zip(&expected).enumerate() {
            let differing = ours.iter().zip(theirs).filter(|(ours, theirs)| ours != theirs).count();
            assert_eq!(differing, 0, "{name}, scale {scale}: {differing} labels differ");
        }
    }
}

#[test]
fn merges_equal_pair() {
    let mut merges = 0;
    for name in IMAGES {
        let fixture = Fixture::read(name);
        if !fixture.0.contains_key("attribution") {
            continue;
        }
        let [height, width] = fixture.shape("attribution")[..] else { panic!("an attribution has two axes") };
        let attribution: Vec<f32> = fixture.floats("attribution").into_iter().map(|value| value / 32.0).collect();
        let options = fixture.0.keys().filter_map(|key| key.strip_suffix("_values")).filter(|key| *key != "labels");
        for option in options {
            let mut parameters = Parameters::default();
            if option.starts_with("fast") {
                parameters.merge = MergeRule::Fast;
            }
            let number = option.rsplit('_').next().and_then(|number| number.parse::<usize>().ok());
            if let Some(number) = number {
                match &option[5..option.len() - number.to_string().len()] {
                    "area_" => parameters.area_threshold = number as f64 / 100.0,
                    "pixels_" => parameters.min_new_pixels = number,
                    "radius_" => parameters.dilation_radius_px = number,
                    other => panic!("{other} is no option"),
                }
            }
            let labels = fixture.labels(height * width);
            let segmentation =
                Segmentation::from_labels(labels, [height, width], parameters.dilation_radius_px).unwrap();
            let merged = xrai::merge(&attribution, &segmentation, &parameters).unwrap();
            let difference = largest_difference(&merged.map, &fixture.unpacked(option));
            assert!(difference < 1e-6, "{name}, {option}: differs by {difference}");
            merges += 1;
        }
    }
    assert_eq!(merges, 2 * 12 + 3 * 2 + 1);
}

/// Checks every case of one kind in the resize fixture; `resized` gets values, planes, size and target size.
fn check_resizes(kind: &str, tolerance: f64, resized: impl Fn(&[f32], [usize; 2], [usize; 2]) -> Vec<f32>) {
    let fixture = Fixture::read("resize");
    let cases = fixture.0.keys().filter(|key| key.starts_with(kind) && key.ends_with("_to")).count();
    assert!(cases > 10);
    for case in 0..cases {
        let shape = fixture.shape(&format!("{kind}_{case}_input"));
        let from = [shape[shape.len() - 2], shape[shape.len() - 1]];
        let [height, width, step_y, step_x] = fixture.sizes(&format!("{kind}_{case}_to"))[..] else {
            panic!("a target is two sizes and two strides")
        };
        let input = fixture.floats(&format!("{kind}_{case}_input"));
        let output = resized(&input, from, [height, width]);
        let picked: Vec<f32> = output
            .chunks_exact(height * width)
            .flat_map(|plane| plane.chunks_exact(width).step_by(step_y).flat_map(|row| row.iter().step_by(step_x)))
            .copied()
            .collect();
        let largest = input.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
        let difference =
            largest_difference(&picked, fixture.values(&format!("{kind}_{case}_output"))) / f64::from(largest);
        assert!(difference < tolerance, "{kind} {from:?} to {height}x{width}: differs by {difference}");
    }
}

#[test]
fn linear_resize_equals_scikit_image() {
    check_resizes("linear", 1e-7, resize::linear_mirror);
}

#[test]
fn cubic_resize_equals_scikit_image() {
    check_resizes("cubic", 1e-7, resize::cubic_antialiased);
}

#[test]
fn nearest_resize_equals_scikit_image() {
    let fixture = Fixture::read("resize");
    for case in 0..8 {
        let [from_y, from_x, height, width, step_y, step_x] = fixture.sizes(&format!("nearest_{case}_to"))[..] else {
            panic!("a case is four sizes and two strides")
        };
        let input: Vec<i32> = (0..).take(from_y * from_x).collect();
        let output = resize::nearest(&input, [from_y, from_x], [height, width]);
        let picked: Vec<f64> = output
            .chunks_exact(width)
            .step_by(step_y)
            .flat_map(|row| row.iter().step_by(step_x).map(|&value| f64::from(value)))
            .collect();
        assert_eq!(picked, fixture.values(&format!("nearest_{case}_output")), "case {case}");
    }
}

#[test]
fn a_point_of_a_coarse_map_stays_in_its_place() {
    let from = [8, 10];
    let to = [8 * 15, 10 * 15];
    for pixel in 0..from[0] * from[1] {
        let mut coarse = vec![0.0; from[0] * from[1]];
        coarse[pixel] = 1.0;
        let fine = resize::linear_mirror(&coarse, from, to);
        let peak = (0..fine.len()).max_by(|&a, &b| fine[a].total_cmp(&fine[b])).unwrap();
        // The centre of a cell of 15 pixels is its eighth.
        let centre = [pixel / from[1] * 15 + 7, pixel % from[1] * 15 + 7];
        assert_eq!([peak / to[1], peak % to[1]], centre);
        assert_eq!(resize::nearest(&fine, to, from), coarse);
    }
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let fixture = Fixture::read("colour_70x85");
    let (image, shape) = fixture.image();
    let segmented = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| xrai::segment(&image, shape, &Parameters::default()).unwrap())
    };
    let single = segmented(1);
    assert_eq!(single, segmented(2));
    assert_eq!(single, segmented(5));
}

#[test]
fn three_equal_channels_are_not_one() {
    let fixture = Fixture::read("chest_96");
    let (image, shape) = fixture.image();
    let parameters = Parameters::default();
    let three = xrai::segment(&image, shape, &parameters).unwrap();
    let one = xrai::segment(&image[..96 * 96], [1, 96, 96], &parameters).unwrap();
    assert_ne!(three.labels(), one.labels());
    // A channel that differs in one value's sign of zero only is still an equal channel.
    let mut zeros = image.clone();
    zeros[0] = 0.0;
    zeros[96 * 96] = -0.0;
    zeros[2 * 96 * 96] = 0.0;
    let shared = xrai::segment(&zeros, shape, &parameters).unwrap();
    zeros[96 * 96] = 0.0;
    assert_eq!(shared, xrai::segment(&zeros, shape, &parameters).unwrap());
}

#[test]
fn images_and_attributions_that_cannot_be_used_are_refused() {
    let parameters = Parameters::default();
    let flat = vec![0.25; 3 * 20 * 30];
    assert_eq!(xrai::segment(&flat, [3, 20, 30], &parameters), Err(Error::ConstantImage { value: 0.25 }));
    assert!(matches!(xrai::segment(&flat, [3, 20, 31], &parameters), Err(Error::ImageSize { .. })));
    assert!(matches!(xrai::segment(&[], [3, 0, 31], &parameters), Err(Error::ImageSize { .. })));
    assert!(matches!(xrai::segment(&flat, [usize::MAX, 3, 2], &parameters), Err(Error::ImageSize { .. })));
    let large = vec![0.0; 2049 * 2048];
    let own_size = Parameters { resize_px: None, ..Parameters::default() };
    assert_eq!(
        xrai::segment(&large, [1, 2049, 2048], &own_size),
        Err(Error::ImageTooLarge { height: 2049, width: 2048, max_pixels: 2048 * 2048 })
    );
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let mut image = flat.clone();
        image[77] = bad;
        assert!(matches!(xrai::segment(&image, [3, 20, 30], &parameters), Err(Error::ImageNotFinite { .. })));
    }
    let mut image = flat;
    image[0] = f32::MAX;
    image[1] = f32::MIN;
    assert!(matches!(xrai::segment(&image, [3, 20, 30], &parameters), Err(Error::ImageNotFinite { .. })));

    let segmentation = Segmentation::from_labels(vec![vec![0; 12]], [3, 4], 1).unwrap();
    assert!(matches!(
        xrai::merge(&[0.0; 11], &segmentation, &parameters),
        Err(Error::AttributionSize { values: 11, height: 3, width: 4 })
    ));
    let mut attribution = [0.5; 12];
    attribution[6] = f32::NEG_INFINITY;
    assert_eq!(
        xrai::merge(&attribution, &segmentation, &parameters),
        Err(Error::AttributionNotFinite { value: f32::NEG_INFINITY, y: 1, x: 2 })
    );
    for labels in [vec![vec![0; 11]], vec![vec![-1; 12]], vec![vec![12; 12]]] {
        assert!(matches!(Segmentation::from_labels(labels, [3, 4], 1), Err(Error::Labels { .. })));
    }
    let bad = [
        Parameters { scales: Vec::new(), ..Parameters::default() },
        Parameters { scales: vec![f64::NAN], ..Parameters::default() },
        Parameters { sigma_px: -0.1, ..Parameters::default() },
        Parameters { value_range: [1.0, 1.0], ..Parameters::default() },
        Parameters { resize_px: Some([0, 224]), ..Parameters::default() },
        Parameters { area_threshold: 1.5, ..Parameters::default() },
        Parameters { dilation_radius_px: 1001, ..Parameters::default() },
    ];
    for parameters in bad {
        assert!(matches!(xrai::segment(&[0.0, 1.0], [1, 1, 2], &parameters), Err(Error::Parameter { .. })));
    }
}

#[test]
fn parameters_are_read_with_the_defaults_for_what_is_left_out() {
    let read: Parameters = serde_json::from_str(r#"{"merge": "fast", "resize_px": null, "scales": [80]}"#).unwrap();
    let expected = Parameters { merge: MergeRule::Fast, resize_px: None, scales: vec![80.0], ..Parameters::default() };
    assert_eq!(read, expected);
    let written = serde_json::to_string(&expected).unwrap();
    assert_eq!(serde_json::from_str::<Parameters>(&written).unwrap(), expected);
    assert!(serde_json::from_str::<Parameters>(r#"{"dilation": 5}"#).is_err());
}
