//! `saliscope train`, as it is called.

use std::path::Path;
use std::process::{Command, Output};

use saliscope::cohort::{Cohort, CohortOptions};
use saliscope::detection::EdgeBox;
use saliscope::evaluation::case_truth;
use saliscope::network::{Architecture, Model, Variant, Weights};

pub(crate) fn saliscope(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_saliscope")).args(arguments).output().unwrap()
}

fn train(out: &Path, more: &[&str]) -> Output {
    let mut arguments = vec!["train", "--cohort", "phantom:4:40", "--task", "pneumothorax", "--input-size", "128"];
    arguments.extend(["--width", "0.0625", "--quiet", "--out", out.to_str().unwrap()]);
    if !more.contains(&"--batch") {
        arguments.extend(["--batch", "8"]);
    }
    arguments.extend(more);
    saliscope(&arguments)
}

pub(crate) fn refused(output: &Output, code: i32, text: &str) {
    let message = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{message}");
    assert!(message.contains(text), "{message}");
}

#[test]
fn a_model_comes_with_card_log_and_curve() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("model.safetensors");
    let done = train(&out, &["--arch", "densenet_121", "--epochs", "2", "--precision", "f16"]);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let report: serde_json::Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!(report["epochs"], 2);
    let model = Model::open(&out, None).unwrap();
    assert_eq!(report["sha256"], model.sha256.as_str());
    assert_eq!(model.card.classes, ["no pneumothorax", "pneumothorax"]);
    assert_eq!((model.card.input_size, model.card.architecture), ([128, 128], Architecture::DenseNet121));
    assert_eq!(model.card.trained_on_patients, Some(false), "phantoms are no patients");
    assert!(!model.card.scaling_assumed, "it learned from images scaled so");
    assert!(model.card.trained_on.unwrap().starts_with("phantom:4:40, pneumothorax ("));
    let log = std::fs::read_to_string(folder.path().join("model.csv")).unwrap();
    assert_eq!(log.lines().count(), 3);
    assert!(log.starts_with("epoch,steps,learning_rate,train_loss,validation_loss,validation_auc,seconds\n"), "{log}");
    assert!(std::fs::read(folder.path().join("model.png")).unwrap().starts_with(b"\x89PNG"));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 4, "no checkpoint stays behind");
    // The same again gives the same bits; without --force nothing is replaced.
    refused(&train(&out, &["--arch", "densenet_121", "--epochs", "2"]), 2, "--force");
    let again =
        train(&out, &["--arch", "densenet_121", "--epochs", "2", "--precision", "f16", "--force", "--threads", "1"]);
    assert!(again.status.success());
    assert_eq!(Model::open(&out, None).unwrap().sha256, model.sha256);
}

#[test]
fn weights_with_another_head_are_taken_over() {
    let folder = tempfile::tempdir().unwrap();
    let init = folder.path().join("init.safetensors");
    let graph = Architecture::DenseNet121.graph(&Variant { width: 0.0625, classes: 1000, ..Variant::default() });
    Weights::initialize(&graph, 9).save(&init).unwrap();
    let out = folder.path().join("model.safetensors");
    let init = init.to_str().unwrap();
    let done = train(&out, &["--arch", "densenet_121", "--epochs", "1", "--learning-rate", "1e-9", "--init", init]);
    let message = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{message}");
    assert!(
        message.contains("--init: ") && message.contains("2 drawn from the seed: classifier.bias ([1000] in"),
        "{message}"
    );
    let (given, found) = (Weights::initialize(&graph, 9), Model::open(&out, None).unwrap().weights);
    let name = "features.conv0.weight";
    let pairs = given.get(name).unwrap().values.iter().zip(&found.get(name).unwrap().values);
    assert!(pairs.clone().all(|(given, found)| (given - found).abs() < 1e-6), "taken over, and hardly moved");
    let other = train(&folder.path().join("other.safetensors"), &["--arch", "inception_v3", "--init", init]);
    refused(&other, 2, "not one tensor of the file fits");
}

#[test]
fn first_weights_bring_what_their_card_says_and_little_of_them_is_warned_about() {
    let folder = tempfile::tempdir().unwrap();
    let variant = Variant {
        width: 0.0625,
        classes: 1000,
        count_include_pad: false,
        norm_scale: false,
        ..Architecture::InceptionV3.usual_variant()
    };
    let graph = Architecture::InceptionV3.graph(&variant);
    let init = folder.path().join("keras.safetensors");
    let given = Weights::initialize(&graph, 9);
    given.save(&init).unwrap();
    let card = r#"{"architecture": "inception_v3", "width": 0.0625, "count_include_pad": false, "scaling": "unit"}"#;
    std::fs::write(init.with_extension("json"), card).unwrap();
    let once = ["--arch", "inception_v3", "--epochs", "1", "--init", init.to_str().unwrap()];
    let out = folder.path().join("model.safetensors");
    let done = train(&out, &once);
    let message = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{message}");
    assert!(message.contains("tensors taken over; 2 drawn from the seed") && !message.contains("90 %"), "{message}");
    assert!(message.contains("learned from images scaled by"), "the card says another scaling: {message}");
    let model = Model::open(&out, None).unwrap();
    assert!(!model.card.count_include_pad && !model.card.norm_scale);
    assert!(model.weights.get("Conv2d_1a_3x3.bn.weight").is_err(), "no factor is made up");

    // A third of the tensors is missing.
    let mut part = Weights::default();
    for (name, tensor) in given.iter().filter(|(name, _)| !name.starts_with("Mixed_6")) {
        part.insert(name.clone(), tensor.clone());
    }
    part.save(&init).unwrap();
    let done = train(&folder.path().join("part.safetensors"), &once);
    let message = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{message}");
    assert!(message.contains("less than 90 % of the network is taken over"), "{message}");
    assert!(message.contains("Mixed_6a.branch3x3.bn.bias (not in the file)"), "{message}");
}

#[test]
fn images_that_do_not_fit_into_memory_give_the_same_model_and_leave_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let trained = |name: &str, more: &[&str]| {
        let out = folder.path().join(name).join("model.safetensors");
        std::fs::create_dir(out.parent().unwrap()).unwrap();
        let mut arguments = vec!["train", "--cohort", "phantom:4:40", "--task", "pneumothorax", "--input-size", "128"];
        arguments.extend(["--width", "0.0625", "--batch", "8", "--arch", "densenet_121", "--epochs", "2"]);
        arguments.extend(["--out", out.to_str().unwrap()]);
        arguments.extend(more);
        let done = saliscope(&arguments);
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        assert_eq!(std::fs::read_dir(out.parent().unwrap()).unwrap().count(), 4, "weights, card, log and curve");
        (Model::open(&out, None).unwrap(), String::from_utf8(done.stderr).unwrap())
    };
    let (memory, said) = trained("memory", &[]);
    assert!(!said.contains("GiB"), "{said}");
    // No terminal: plain lines, one an epoch at least, with the time left.
    assert!(said.lines().any(|line| line.starts_with("epoch 1: ") && line.contains(" left")), "{said}");
    assert!(!said.contains(|sign: char| sign.is_control() && sign != '\n'), "{said:?}");
    let (disk, said) = trained("disk", &["--memory", "0.0001", "--threads", "1"]);
    assert!(said.contains("may take 0.00 GiB of memory (--memory): they are kept in a file beside --out"), "{said}");
    assert_eq!(disk.sha256, memory.sha256);
    assert_eq!(disk.card.temperature, memory.card.temperature);
}

#[test]
fn what_cannot_be_trained_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let out = |name: &str| folder.path().join(name);
    let file = out("a.safetensors");
    refused(&train(&out("a.bin"), &["--arch", "u_net"]), 2, "must end in .safetensors");
    refused(&train(&out("none/a.safetensors"), &["--arch", "u_net"]), 2, "its folder does not exist");
    refused(&train(&file, &["--arch", "retina_net"]), 2, "use u_net");
    refused(&train(&file, &["--arch", "resnet"]), 2, "there is no architecture");
    refused(&train(&file, &["--arch", "u_net", "--batch", "1"]), 2, "batch must be a whole number from 2 to 4096");
    refused(&train(&file, &["--arch", "u_net", "--learning-rate=-1"]), 2, "learning rate must be");
    refused(&train(&file, &["--arch", "u_net", "--resume"]), 2, "no checkpoint");
    refused(&train(&file, &["--arch", "u_net", "--output", "sigmoid"]), 2, "is for classifiers, and u_net is none");
    refused(&train(&file, &["--arch", "densenet_121", "--memory=-1"]), 2, "a number from 0 to 1000000 is needed");
    refused(&train(&file, &["--arch", "u_net", "--init", "absent.safetensors"]), 1, "absent.safetensors");
    let tiny = saliscope(&[
        "train",
        "--cohort",
        "phantom:4:40",
        "--task",
        "pneumothorax",
        "--arch",
        "inception_v3",
        "--input-size",
        "40",
        "--out",
        file.to_str().unwrap(),
        "--quiet",
    ]);
    refused(&tiny, 1, "at least 75x75");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing was written");
}

#[test]
fn the_card_says_what_the_images_say_of_themselves_unless_it_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let phantoms = folder.path().join("phantoms");
    let made = ["phantom", "--quiet", "--size", "128", "--count", "40", "--task", "pneumothorax", "--out"];
    assert!(saliscope(&[&made[..], &[phantoms.to_str().unwrap()]].concat()).status.success());
    let images = folder.path().join("phantoms/png");
    let trained = |name: &str, more: &[&str]| {
        let out = folder.path().join(name);
        let cohort = format!("folder:{}", images.display());
        let mut arguments =
            vec!["train", "--quiet", "--cohort", &cohort, "--task", "pneumothorax", "--arch", "densenet_121"];
        arguments.extend(["--input-size", "128", "--width", "0.0625", "--epochs", "1", "--batch", "8"]);
        arguments.extend(["--out", out.to_str().unwrap()]);
        arguments.extend(more);
        let done = saliscope(&arguments);
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        Model::open(&out, None).unwrap().card.trained_on_patients
    };
    assert_eq!(trained("marked.safetensors", &[]), Some(false), "every image carries the mark");
    assert_eq!(trained("said.safetensors", &["--trained-on-patients", "yes"]), Some(true));
    // The same pixels without marks: nobody knows.
    for entry in std::fs::read_dir(images.join("images")).unwrap() {
        let path = entry.unwrap().path();
        image::open(&path).unwrap().save(&path).unwrap();
    }
    assert_eq!(trained("unmarked.safetensors", &[]), None);
    assert_eq!(trained("told.safetensors", &["--trained-on-patients", "no"]), Some(false));
}

#[test]
fn cohorts_are_taken_with_all_options_that_they_have() {
    let folder = tempfile::tempdir().unwrap();
    let made = folder.path().join("made");
    let phantoms = ["phantom", "--quiet", "--size", "128", "--count", "40", "--task", "pneumonia", "--out"];
    assert!(saliscope(&[&phantoms[..], &[made.to_str().unwrap()]].concat()).status.success());
    let rsna = made.join("rsna");
    let cohort = format!("rsna:{}", rsna.display());
    let trained = |name: &str, architecture: &str, more: &[&str]| {
        let out = folder.path().join(format!("{name}.safetensors"));
        let mut arguments =
            vec!["train", "--quiet", "--cohort", &cohort, "--task", "pneumonia", "--arch", architecture];
        arguments.extend(["--input-size", "128", "--width", "0.0625", "--epochs", "1", "--batch", "8"]);
        arguments.extend(["--out", out.to_str().unwrap()]);
        arguments.extend(more);
        let done = saliscope(&arguments);
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        Model::open(&out, None).unwrap()
    };
    // Marks of images twice as large.
    let plain = trained("plain", "retina_net", &[]);
    let boxes = |truth_size_px: Option<[usize; 2]>| -> Vec<Vec<EdgeBox>> {
        let options = CohortOptions { truth_size_px, ..CohortOptions::default() };
        let opened = Cohort::open(&cohort.parse().unwrap(), &options, &()).unwrap();
        opened.cases().iter().map(|case| case_truth(&opened, case, &plain.card).unwrap().boxes).collect()
    };
    let judged_by = boxes(None);
    assert!(judged_by.iter().any(|boxes| !boxes.is_empty()));
    let labels = rsna.join("stage_2_train_labels.csv");
    let table = std::fs::read_to_string(&labels).unwrap();
    let doubled = |row: &str| {
        let fields: Vec<String> = row
            .split(',')
            .enumerate()
            .map(|(column, field)| match field.parse::<f64>() {
                Ok(value) if (1..5).contains(&column) => (2.0 * value).to_string(),
                _ => field.to_owned(),
            })
            .collect();
        fields.join(",")
    };
    std::fs::write(&labels, table.lines().map(doubled).collect::<Vec<_>>().join("\n")).unwrap();
    assert_eq!(trained("doubled", "retina_net", &["--truth-size", "256x256"]).sha256, plain.sha256);
    assert_eq!(boxes(Some([256; 2])), judged_by, "who is judged reads them alike");

    // A part of the images without the finding is of the third class.
    let classes = rsna.join("stage_2_detailed_class_info.csv");
    let table = std::fs::read_to_string(&classes).unwrap();
    let third = table.replacen(",Normal", ",No Lung Opacity / Not Normal", 6);
    std::fs::write(&classes, third).unwrap();
    let words = |model: Model| model.card.trained_on.unwrap();
    let without = words(trained("without", "densenet_121", &[]));
    let with = words(trained("with", "densenet_121", &["--third-class", "include"]));
    let negatives = |words: &str| -> usize {
        let (_, rest) = words.split_once("images with and ").unwrap();
        rest.split_once(' ').unwrap().0.parse().unwrap()
    };
    assert!(negatives(&with) > negatives(&without), "{with}; {without}");
}

#[test]
fn a_killed_training_leaves_no_pixels_behind_and_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = |out: &Path, more: &[&str]| {
        let mut arguments =
            vec!["train", "--quiet", "--cohort", "phantom:4:40", "--task", "pneumothorax", "--patience", "0"];
        arguments.extend(["--input-size", "128", "--width", "0.0625", "--batch", "8", "--arch", "densenet_121"]);
        arguments.extend(["--epochs", "12", "--out"]);
        let own = arguments.into_iter().map(str::to_owned).chain([out.to_str().unwrap().to_owned()]);
        own.chain(more.iter().map(|word| (*word).to_owned())).collect::<Vec<String>>()
    };
    let out = folder.path().join("model.safetensors");
    let mut child = Command::new(env!("CARGO_BIN_EXE_saliscope"))
        .args(arguments(&out, &["--memory", "0.0001"]))
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let checkpoint = folder.path().join("model.checkpoint");
    while !checkpoint.exists() && child.try_wait().unwrap().is_none() {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let images_bytes = 30 * 128 * 128 * 2;
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        assert!(name == "model.checkpoint" || name.starts_with(".saliscope-"), "{name}");
        // The state of the network may be cut off while it is written; it is smaller than the images.
        for inner in std::fs::read_dir(entry.path()).into_iter().flatten() {
            assert!(inner.unwrap().metadata().unwrap().len() < images_bytes, "{name}");
        }
    }
    let resumed = Command::new(env!("CARGO_BIN_EXE_saliscope")).args(arguments(&out, &["--resume"])).output().unwrap();
    assert!(resumed.status.success(), "{}", String::from_utf8_lossy(&resumed.stderr));
    let whole = folder.path().join("whole.safetensors");
    let done = Command::new(env!("CARGO_BIN_EXE_saliscope")).args(arguments(&whole, &[])).output().unwrap();
    assert!(done.status.success());
    assert_eq!(std::fs::read(&out).unwrap(), std::fs::read(&whole).unwrap());
}
