//! Files damaged at random, the same every time: they are read or refused, and nothing else.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use saliscope::foreign::{Asked, from_bytes};

use super::{fixture, told};

const FILES: usize = 2500;
/// Most memory of the whole test program.
#[cfg(target_os = "linux")]
const LIMIT_KIB: u64 = 1 << 20;

fn damaged(whole: &[u8], random: &mut ChaCha8Rng) -> Vec<u8> {
    let mut bytes = whole.to_vec();
    let any = |random: &mut ChaCha8Rng, bytes: &[u8]| random.random_range(0..bytes.len());
    match random.random_range(0..6) {
        0 => bytes.truncate(random.random_range(1..whole.len())),
        1 => {
            for _ in 0..random.random_range(1..6) {
                let at = any(random, &bytes);
                bytes[at] = random.random();
            }
        }
        2 => {
            for _ in 0..random.random_range(1..4) {
                let at = any(random, &bytes);
                bytes[at] ^= 1 << random.random_range(0..8);
            }
        }
        // A number of variable length that is as large as it can be, or not there.
        3 => {
            let at = any(random, &bytes);
            let lie: &[u8] =
                [&[0xff; 9][..], &[0xff, 0xff, 0xff, 0xff, 0x0f], &[0x80], &[0]][random.random_range(0..4)];
            bytes.splice(at..(at + lie.len()).min(whole.len()), lie.iter().copied());
        }
        4 => {
            let start = any(random, &bytes);
            let end = (start + random.random_range(1..200)).min(bytes.len());
            let piece = if random.random() { [&bytes[start..end], &bytes[start..end]].concat() } else { Vec::new() };
            bytes.splice(start..end, piece);
        }
        // One piece where another was: nodes and names that do not belong.
        _ => {
            let (from, to) = (any(random, &bytes), any(random, &bytes));
            let length = random.random_range(1..40).min(bytes.len() - from.max(to));
            bytes.copy_within(from..from + length, to);
        }
    }
    bytes
}

#[test]
fn damaged_files_are_read_or_refused() {
    let originals: Vec<Vec<u8>> = told().keys().map(|name| fixture(name)).collect();
    let mut random = ChaCha8Rng::seed_from_u64(11);
    let mut read = 0;
    for index in 0..FILES {
        let bytes = damaged(&originals[index % originals.len()], &mut random);
        match from_bytes(&bytes, &Asked::default()) {
            Ok(foreign) => {
                read += 1;
                let graph = foreign.graph.unwrap();
                foreign.weights.check(&graph).unwrap();
                let [height, width] = foreign.input_size.unwrap();
                assert!(graph.extents(height, width).is_ok(), "file {index}");
            }
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
    assert!((FILES / 20..FILES).contains(&read), "{read} were read");
    #[cfg(target_os = "linux")]
    {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let most = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        let most: u64 = most.trim().trim_end_matches(" kB").parse().unwrap();
        assert!(most < LIMIT_KIB, "{most} KiB were taken");
    }
}

/// A message within a message, a field of `number`.
fn field(number: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![number << 3 | 2];
    let mut length = content.len();
    while length > 0x7f {
        bytes.push(length as u8 | 0x80);
        length >>= 7;
    }
    bytes.push(length as u8);
    bytes.extend(content);
    bytes
}

fn model(graph: &[u8]) -> Vec<u8> {
    [&[0x08, 0x08][..], &field(7, graph), &field(8, &[0x10, 13])].concat()
}

#[test]
fn a_small_file_cannot_ask_for_much() {
    let refused = |bytes: &[u8]| from_bytes(bytes, &Asked::default()).unwrap_err().to_string();
    let nodes = model(&field(1, &[]).repeat(1_000_000));
    assert!(refused(&nodes).contains("more than 100000 nodes"), "{}", refused(&nodes));
    let inputs = model(&field(1, &field(1, &[]).repeat(3_000_000)));
    assert!(refused(&inputs).contains("more than 2000000 nodes, names"), "{}", refused(&inputs));
    let twice = [model(&[]), field(7, &[])].concat();
    assert!(refused(&twice).contains("two graphs where one belongs"), "{}", refused(&twice));
    // A graph within an attribute of a node within a graph, and so on.
    let mut graph = Vec::new();
    for _ in 0..2000 {
        let attribute = field(6, &graph);
        graph = field(1, &field(5, &attribute));
    }
    let deep = model(&[graph, field(12, &field(1, b"y"))].concat());
    assert!(refused(&deep).contains("nothing writes its output \"y\""), "{}", refused(&deep));
    // A constant of 2^60 zeros.
    let shape = [field(8, b"s"), vec![0x10, 7, 0x08, 2], field(9, &[0, 0, 0, 64, 0, 0, 0, 0].repeat(2))].concat();
    let filled = [field(1, b"s"), field(2, b"f"), field(4, b"ConstantOfShape")].concat();
    let sum = [field(1, b"x"), field(1, b"f"), field(2, b"y"), field(4, b"Add")].concat();
    let huge =
        [field(5, &shape), field(1, &filled), field(1, &sum), field(11, &field(1, b"x")), field(12, &field(1, b"y"))];
    let huge = refused(&model(&huge.concat()));
    assert!(huge.contains("1 x ConstantOfShape (f): a tensor takes more than 2 GiB"), "{huge}");
}
