//! Every parameter of the methods can be set in the inspector, and no value that makes no sense.

use std::sync::Arc;

use egui::accesskit::Role;
use egui::{Key, Modifiers};
use egui_kittest::kittest::Queryable as _;
use saliscope::demo;
use saliscope::phantom::{Finding, PhantomSpec};
use saliscope::reading::{CaseSource, MapKey, ModelSource, OpenCase, OpenModel, Question};
use saliscope::saliency::xrai::MergeRule;
use saliscope::saliency::{Aggregate, Baseline, Method, Parameters, Preset};
use saliscope::workbench::{Action, View};

use super::window::{Window, empty, press, says};

/// A window with a model and no case, so that nothing is computed, and the parameters of `method` in sight.
fn parameters_of(method: Method) -> Window {
    let mut window = empty();
    let model = OpenModel::open(ModelSource::Demo(demo::FIRST_MODEL.to_owned())).unwrap();
    let state = &mut window.state_mut().state;
    state.models.push(Arc::new(model));
    state.view = View::Case;
    window.state_mut().apply(Action::ShowMethod(method));
    window.run();
    press(&mut window, "Parameters");
    window
}

fn parameters(window: &Window) -> &Parameters {
    &window.state().state.question.parameters
}

fn key_of(window: &Window, case: &OpenCase) -> MapKey {
    let state = &window.state().state;
    state.question.key(case, state.model().unwrap(), state.shown.method)
}

fn set(window: &mut Window, label: &str, value: f64) {
    window.get_by_label(label).set_value_accesskit(value);
    window.run();
}

fn choose(window: &mut Window, name: &str, choice: &str) {
    // An assistive program leaves the list open after its choice.
    if window.query_by_label(choice).is_none() {
        window.get_by_role_and_label(Role::ComboBox, name).click_accesskit();
        window.run();
    }
    press(window, choice);
}

/// Puts `text` into the field for scales and presses Enter.
fn type_scales(window: &mut Window, text: &str) {
    window.get_by_label("own scales").focus();
    window.run();
    window.key_press_modifiers(Modifiers::COMMAND, Key::A);
    window.run();
    window.get_by_label("own scales").type_text(text);
    window.run();
    window.key_press(Key::Enter);
    window.run();
}

/// A change, and whether the parameters have it.
type Change = (fn(&mut Window), fn(&Parameters) -> bool);

/// Makes each change and looks for it in the question and in the name of the map.
fn each_asks_anew(method: Method, changes: &[Change]) {
    let spec = PhantomSpec { seed: 4, index: 1, size_px: 128, finding: Finding::None };
    let case = OpenCase::read(&CaseSource::Phantom(spec)).unwrap();
    let mut window = parameters_of(method);
    for (index, (change, has)) in changes.iter().enumerate() {
        let before = key_of(&window, &case);
        assert!(!has(parameters(&window)), "{method}, change {index} is none");
        change(&mut window);
        assert!(has(parameters(&window)), "{method}, change {index}: {:?}", parameters(&window));
        assert_ne!(key_of(&window, &case), before, "{method}, change {index} names another map");
        assert!(parameters(&window).check(&Method::ALL).is_ok());
    }
    press(&mut window, "Defaults of the preset");
    assert_eq!(window.state().state.question, Question::of(Preset::default()), "as every command begins");
}

#[test]
fn every_parameter_of_xrai_asks_anew() {
    each_asks_anew(
        Method::Xrai,
        &[
            (|window| set(window, "steps a path", 20.0), |of| of.xrai.ig_steps == 20),
            (
                |window| choose(window, "path 2 begins at", "one value"),
                |of| of.xrai.baselines[1] == Baseline::Value(-1.0),
            ),
            (|window| set(window, "path 2 begins at value", 0.5), |of| of.xrai.baselines[1] == Baseline::Value(0.5)),
            (|window| press(window, "Add a path"), |of| of.xrai.baselines.len() == 3),
            (|window| press(window, "Remove the last path"), |of| of.xrai.baselines.len() == 2),
            (
                |window| choose(window, "scales", "three fine ones"),
                |of| of.xrai.segments.scales == [50.0, 100.0, 150.0],
            ),
            (|window| type_scales(window, "70, 300.5"), |of| of.xrai.segments.scales == [70.0, 300.5]),
            (|window| set(window, "segmentation sigma", 1.2), |of| of.xrai.segments.sigma_px == 1.2),
            (|window| set(window, "smallest segment", 50.0), |of| of.xrai.segments.min_size_px == 50),
            (|window| set(window, "dilation", 2.0), |of| of.xrai.segments.dilation_radius_px == 2),
            (
                |window| choose(window, "segments are ranked", "once, as a whole"),
                |of| of.xrai.segments.merge == MergeRule::Fast,
            ),
            (
                |window| {
                    press(window, "Seldom changed");
                    set(window, "segmented rows", 160.0);
                },
                |of| of.xrai.segments.resize_px == Some([160, 224]),
            ),
            (|window| set(window, "segmented columns", 96.0), |of| of.xrai.segments.resize_px == Some([160, 96])),
            (|window| press(window, "Segment at the image's own size"), |of| of.xrai.segments.resize_px.is_none()),
            (|window| set(window, "fewest new pixels", 20.0), |of| of.xrai.segments.min_new_pixels == 20),
            (|window| set(window, "area threshold", 0.5), |of| of.xrai.segments.area_threshold == 0.5),
            (|window| set(window, "darkest becomes", 0.0), |of| of.xrai.segments.value_range == [0.0, 1.0]),
            (|window| set(window, "brightest becomes", 2.0), |of| of.xrai.segments.value_range == [0.0, 2.0]),
            (|window| set(window, "clip percentile", 95.0), |of| of.clip_percentile == 95.0),
        ],
    );
}

#[test]
fn every_parameter_of_paths_copies_and_layers_asks_anew() {
    each_asks_anew(
        Method::Ig,
        &[
            (|window| set(window, "steps", 4.0), |of| of.ig.steps == 4),
            (|window| set(window, "begins at value", 0.25), |of| of.ig.baseline == Baseline::Value(0.25)),
            (
                |window| choose(window, "begins at", "a value a channel"),
                |of| matches!(&of.ig.baseline, Baseline::Channels(values) if values.iter().all(|value| *value == -1.0)),
            ),
            (
                |window| set(window, "begins at channel 1", 0.5),
                |of| matches!(&of.ig.baseline, Baseline::Channels(values) if values[0] == 0.5),
            ),
            (
                |window| choose(window, "begins at", "the image's maximum"),
                |of| of.ig.baseline == Baseline::ImageMaximum,
            ),
        ],
    );
    each_asks_anew(
        Method::Sig,
        &[
            (|window| set(window, "noisy copies", 3.0), |of| of.sig.noise.samples == 3),
            (|window| set(window, "noise", 0.5), |of| of.sig.noise.sigma_fraction == 0.5),
            (
                |window| choose(window, "copies become", "mean with sign"),
                |of| of.sig.noise.aggregate == Aggregate::Mean,
            ),
            (|window| set(window, "steps", 4.0), |of| of.sig.path.steps == 4),
            (|window| set(window, "begins at value", 0.25), |of| of.sig.path.baseline == Baseline::Value(0.25)),
        ],
    );
    for method in [Method::Gcam, Method::Ggcam] {
        each_asks_anew(
            method,
            &[(|window| choose(window, "reads", "Mixed_7b"), |of| of.gcam.node.as_deref() == Some("Mixed_7b"))],
        );
    }
}

#[test]
fn every_parameter_of_methods_beyond_the_study_asks_anew() {
    each_asks_anew(
        Method::Occlusion,
        &[
            (|window| set(window, "patch", 48.0), |of| of.occlusion.patch_px == 48),
            (|window| set(window, "stride", 24.0), |of| of.occlusion.stride_px == 24),
            // A stride is never longer than the patch.
            (|window| set(window, "patch", 12.0), |of| of.occlusion.patch_px == 12 && of.occlusion.stride_px == 12),
            (|window| choose(window, "covered by", "a gray level"), |of| of.occlusion.fill == Baseline::Gray(0.0)),
            (|window| set(window, "covered by gray", 128.0), |of| of.occlusion.fill == Baseline::Gray(128.0)),
        ],
    );
    for method in [Method::LayerCam, Method::HiResCam] {
        each_asks_anew(
            method,
            &[(|window| choose(window, "reads", "Mixed_7b"), |of| of.gcam.node.as_deref() == Some("Mixed_7b"))],
        );
    }
}

#[test]
fn a_wrong_list_of_scales_is_refused_in_words_and_can_be_mended() {
    let mut window = parameters_of(Method::Xrai);
    let before = parameters(&window).clone();
    for (text, told) in [
        ("50, ten", "numbers with commas between, such as 50, 100, 250"),
        ("-5", "scales from 0 to 1e9"),
        (",", "at least one scale"),
    ] {
        type_scales(&mut window, text);
        assert!(says(&window, told), "{text}");
        assert_eq!(*parameters(&window), before, "{text} is not asked");
    }
    type_scales(&mut window, "50 100");
    assert_eq!(parameters(&window).xrai.segments.scales, [50.0, 100.0]);
    assert!(!says(&window, "XRAI needs"));
}
