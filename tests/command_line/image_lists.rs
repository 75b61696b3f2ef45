//! Images without an option, in folders, and named by a list.

use std::io::Write;
use std::process::Stdio;

use super::bench::{Bench, Ran, command, gray, png_of, run};

/// A folder of two images beside the bench's own, and a list beside them.
fn with_folder() -> Bench {
    let bench = Bench::new();
    std::fs::create_dir(bench.path("set")).unwrap();
    for (name, seed) in [("set/a, b.png", 2), ("set/c.png", 3)] {
        bench.write(name, &png_of(image::ExtendedColorType::L8, &gray(seed)));
    }
    bench
}

/// `predict` in `folder` of the bench.
fn predict(bench: &Bench, folder: &str, more: &[&str], input: Option<&[u8]>) -> Ran {
    let model = bench.path("model.safetensors");
    let words = [&["predict", "--model", model.to_str().unwrap()][..], more].concat();
    let mut command = command(&words);
    command.current_dir(bench.path(folder));
    let Some(input) = input else { return command.output().unwrap().into() };
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    child.wait_with_output().unwrap().into()
}

/// Last parts of the names of the images of a run.
fn names(ran: Ran) -> Vec<String> {
    let name = |line: &serde_json::Value| line["image"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    ran.succeeded().lines().iter().map(name).collect()
}

#[test]
fn images_need_no_option_and_may_be_folders() {
    let bench = with_folder();
    assert_eq!(names(predict(&bench, "", &["chest.png", "set"], None)), ["chest.png", "a, b.png", "c.png"]);
    let both = ["set/c.png", "--image", "set", "--quiet"];
    assert_eq!(names(predict(&bench, "", &both, None)), ["a, b.png", "c.png", "c.png"], "named ones come first");
    let out = bench.path("out");
    let (model, set) = (bench.path("model.safetensors"), bench.path("set"));
    let words = ["--quiet", "--methods", "GRAD", "--model", model.to_str().unwrap(), "--out", out.to_str().unwrap()];
    run(&[&["explain"][..], &words, &[set.to_str().unwrap()]].concat()).succeeded();
    assert_eq!(bench.names("out"), ["image_000", "image_001"]);
    let none = predict(&bench, "", &[], None);
    assert!(none.code == Some(2) && none.stderr.contains("--images-from <LIST>"), "{}", none.stderr);
}

#[test]
fn a_list_names_images_and_folders() {
    let bench = with_folder();
    for (list, expected) in [
        // From the folder of the list, then from the current folder; blank lines, comments, line ends, a mark of order.
        (
            &b"\xef\xbb\xbf# mine\r\nset/c.png\r\n\r\nchest.png  \r\nset/a, b.png"[..],
            &["c.png", "chest.png", "a, b.png"][..],
        ),
        (b"set\n", &["a, b.png", "c.png"]),
        (b"c.png\n\"set/a, b.png\"\n", &["c.png", "a, b.png"]),
        (b"image,label\n\"set/a, b.png\",1\nset/c.png,0\n", &["a, b.png", "c.png"]),
        (b"label;path\r\n1;set/c.png\r\n", &["c.png"]),
    ] {
        bench.write("list.txt", list);
        let found = names(predict(&bench, "set", &["--images-from", "../list.txt"], None));
        assert_eq!(found, expected, "{}", String::from_utf8_lossy(list));
    }
    let absolute = bench.path("set/c.png").to_str().unwrap().to_owned() + "\n";
    assert_eq!(names(predict(&bench, "", &["--images-from", "-"], Some(absolute.as_bytes()))), ["c.png"]);
    let piped = predict(&bench, "set", &["chest.png", "--images-from", "-"], Some(b"c.png\nchest.png\n"));
    assert!(piped.refused(1).contains("line 2"), "standard input has no folder of its own: {}", piped.stderr);

    // What predict printed as CSV is such a list; explain and inspect take one as well.
    let table = predict(&bench, "", &["--csv", "set", "chest.png"], None).succeeded();
    bench.write("predicted.csv", table.stdout.as_bytes());
    let again = predict(&bench, "", &["--csv", "--images-from", "predicted.csv"], None).succeeded();
    assert_eq!(again.stdout, table.stdout);
    let list = bench.path("predicted.csv");
    let inspected = run(&["inspect", "--images-from", list.to_str().unwrap()]).succeeded();
    assert_eq!(inspected.lines().len(), 3, "{}", inspected.stdout);
}

#[test]
fn a_line_that_names_nothing_is_told_by_its_number() {
    let bench = with_folder();
    let refused = |list: &[u8]| {
        bench.write("list.txt", list);
        let ran = predict(&bench, "", &["--images-from", "list.txt"], None);
        ran.refused(1).to_owned()
    };
    let said = refused(b"# list\nset/c.png\nset/d.png\n\nset/e.png\n");
    assert!(said.contains("line 3 names nothing that exists, \"set/d.png\" (and so does 1 more line)"), "{said}");
    let said = refused(b"patientId,Target\nset/c.png,1\n");
    assert!(said.contains("line 1") && said.contains("has to name a column `path` or `image`"), "{said}");
    let said = refused(b"image,label\nset/c.png,1\n,0\n");
    assert!(said.contains("line 3 has no path in its column 1"), "{said}");
    for empty in [&b""[..], b"\n# none\n", b"image,label\n"] {
        assert!(refused(empty).contains("it names no image"));
    }
    // Two files of one name: neither is taken.
    std::fs::create_dir(bench.path("set/set")).unwrap();
    bench.write("set/set/c.png", &png_of(image::ExtendedColorType::L8, &gray(9)));
    bench.write("list.txt", b"set/c.png\n");
    let said = predict(&bench, "set", &["--images-from", "../list.txt"], None).refused(1).to_owned();
    assert!(said.contains("line 1 names one file from the folder of the list and another"), "{said}");
    assert!(predict(&bench, "", &["--images-from", "missing.txt"], None).refused(1).contains("the list of images"));
}
