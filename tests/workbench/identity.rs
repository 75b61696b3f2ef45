//! Controls keep their identity while work arrives: a press whose button becomes another between down and up is lost.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use egui::accesskit::{Action as Request, NodeId};
use egui_kittest::kittest::NodeT as _;
use saliscope::saliency::Method;
use saliscope::workbench::{Action, CompareMode, Opening, View};

use super::benchmark::{begin, page};
use super::window::{PATIENCE, Window, is_idle, opened, says};

/// Words of the jobs bar about whatever job is the newest, another one each time.
const NEWEST_JOB: [&str; 3] = ["Cancel this job", "and ", "Explain: "];

/// The controls that can be clicked, by their labels; those that share a label with another are left out.
fn controls(window: &Window) -> BTreeMap<String, NodeId> {
    let mut found: BTreeMap<String, Option<NodeId>> = BTreeMap::new();
    for node in window.root().children_recursive() {
        let node = node.accesskit_node();
        let Some(label) = node.label().filter(|_| node.data().supports_action(Request::Click)) else { continue };
        if NEWEST_JOB.iter().any(|words| label.starts_with(words)) {
            continue;
        }
        found.entry(label).and_modify(|id| *id = None).or_insert(Some(node.locate().0));
    }
    found.into_iter().filter_map(|(label, id)| Some((label, id?))).collect()
}

/// Draws until `is_over` holds; the controls that became others on the way.
fn changed_until(window: &mut Window, is_over: impl Fn(&Window) -> bool) -> BTreeSet<String> {
    let begun = Instant::now();
    let mut changed = BTreeSet::new();
    let mut before = controls(window);
    assert!(!before.is_empty(), "controls are found");
    loop {
        window.step();
        let now = controls(window);
        changed.extend(
            now.iter()
                .filter(|(label, id)| before.get(*label).is_some_and(|old| old != *id))
                .map(|(label, _)| label.clone()),
        );
        before = now;
        if is_over(window) {
            return changed;
        }
        assert!(begun.elapsed() < PATIENCE, "waited in vain");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn nothing() -> BTreeSet<String> {
    BTreeSet::new()
}

#[test]
fn controls_stay_the_same_while_maps_and_models_arrive() {
    let mut window = opened(Opening::default());
    window.state_mut().state.view = View::Case;
    window.step();
    assert_eq!(changed_until(&mut window, is_idle), nothing());
}

#[test]
fn controls_stay_the_same_while_two_maps_become_comparable() {
    let mut window = opened(Opening::default());
    let is_listed = |window: &Window| {
        let workbench = window.state();
        let case = workbench.state.list.current.and_then(|entry| workbench.services.shelf.case(entry));
        workbench.state.models.len() == saliscope::demo::CLASSIFIERS.len() && case.is_some()
    };
    changed_until(&mut window, is_listed);
    let state = &mut window.state_mut().state;
    (state.compare.mode, state.view, state.shown.method) = (CompareMode::Models, View::Compare, Method::Gcam);
    state.compare.pair = [Some(0), Some(1)];
    window.step();
    assert_eq!(changed_until(&mut window, is_idle), nothing());
    window.state_mut().apply(Action::ChooseTile(1));
    window.state_mut().apply(Action::ChooseTile(2));
    window.step();
    assert_eq!(changed_until(&mut window, is_idle), nothing());
    window.state_mut().apply(Action::SetCompareMode(CompareMode::Methods));
    window.step();
    assert_eq!(changed_until(&mut window, is_idle), nothing());
    // The list of all jobs, in which the newest comes first.
    let mut dialogs = window.state().state.dialogs.clone();
    dialogs.jobs = true;
    window.state_mut().apply(Action::SetDialogs(Box::new(dialogs)));
    window.state_mut().state.question.seed += 1;
    window.step();
    window.step();
    assert_eq!(changed_until(&mut window, is_idle), nothing());
}

#[test]
fn controls_stay_the_same_while_states_of_a_cascade_arrive() {
    let mut window = opened(Opening::default());
    let state = &mut window.state_mut().state;
    state.player.methods = vec![Method::Grad, Method::Gcam];
    state.view = View::Cascade;
    window.step();
    let is_whole = |window: &Window| is_idle(window) && says(window, "One image only");
    assert_eq!(changed_until(&mut window, is_whole), nothing());
}

#[test]
fn controls_stay_the_same_while_a_benchmark_runs() {
    let folder = tempfile::tempdir().unwrap();
    let mut window = page(None);
    begin(&mut window, folder.path());
    // The page of the run replaces the form before anything is computed.
    window.step();
    window.step();
    let is_judged = |window: &Window| window.state().state.bench.judged.is_some() && is_idle(window);
    assert_eq!(changed_until(&mut window, is_judged), nothing());
}
