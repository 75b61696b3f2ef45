//! Where networks run: chosen in the settings, said in the bar at the bottom, used by maps and by the benchmark.

use std::sync::Arc;

use egui_kittest::kittest::Queryable as _;
use saliscope::job::{Ending, Phase};
use saliscope::network::{DeviceChoice, Devices, ExecutorChoice, Gpu};
use saliscope::workbench::{Action, Command, Opening, Settings};

use super::benchmark::begin;
use super::window::{Window, empty, is_enabled, opened, press, says, tap, until, until_seen};

/// A build for CUDA whose card does not start.
struct NoDriver;

impl Devices for NoDriver {
    fn is_built(&self, gpu: Gpu) -> bool {
        gpu == Gpu::Cuda
    }

    fn start(&self, _: Gpu) -> candle_core::Result<candle_core::Device> {
        Err(candle_core::Error::Msg("the driver is too old".to_owned()))
    }
}

fn runs_on(window: &Window) -> String {
    window.state().services.runtime.get().unwrap().describe()
}

fn choose(window: &mut Window, device: DeviceChoice, executor: ExecutorChoice) {
    let settings = Settings { device, executor, ..window.state().state.settings.clone() };
    window.state_mut().apply(Action::SetSettings(Box::new(settings)));
    until(window, |workbench| workbench.services.runtime.started().is_some());
}

#[cfg(not(any(feature = "cuda", feature = "metal")))]
#[test]
fn the_settings_choose_and_the_bar_says_what_runs() {
    let home = tempfile::tempdir().unwrap();
    let mut window = super::window::empty_at(Some(home.path()));
    until(&mut window, |workbench| workbench.services.runtime.started().is_some());
    let fastest = runs_on(&window);
    assert!(fastest.starts_with("processor, ") && fastest.contains(" thread"), "{fastest}");
    assert!(says(&window, &fastest), "the bar says it");

    window.state_mut().apply(Action::Run(Command::Settings));
    window.run();
    assert!(says(&window, &format!("Networks run now on: {fastest}")));
    press(&mut window, "Device");
    for absent in ["CUDA (not in this build)", "Metal (not in this build)"] {
        assert!(!is_enabled(&window, absent), "{absent}");
    }
    press(&mut window, "The processor");
    press(&mut window, "Executor");
    press(&mut window, "candle, the reference");
    until(&mut window, |workbench| workbench.services.runtime.started().is_some());
    let settings = &window.state().state.settings;
    assert_eq!((settings.device, settings.executor), (DeviceChoice::Cpu, ExecutorChoice::Candle));
    assert_eq!(runs_on(&window), "processor, candle");
    assert!(says(&window, "Networks run now on: processor, candle"));
    press(&mut window, "Close settings");
    assert!(says(&window, "processor, candle") && !says(&window, &fastest), "the bar follows");

    until(&mut window, |_| {
        let kept = std::fs::read_to_string(home.path().join("settings.json")).unwrap_or_default();
        kept.contains(r#""device":"cpu","executor":"candle""#)
    });
    drop(window);
    let window = super::window::empty_at(Some(home.path()));
    assert_eq!(runs_on(&window), "processor, candle", "the choice outlives the session");
}

#[test]
fn a_device_that_does_not_start_is_said_and_the_processor_goes_on() {
    let nothing = Opening { paths: vec!["/nowhere".into()], devices: Some(Arc::new(NoDriver)), ..Opening::default() };
    let mut window = opened(nothing);
    let failures = |window: &Window| -> Vec<String> {
        let reports =
            window.state().services.jobs.reports().into_iter().filter(|report| report.name == "Start the device");
        reports
            .filter_map(|report| if let Phase::Over(Ending::Failed(words)) = report.phase { Some(words) } else { None })
            .collect()
    };
    until(&mut window, |workbench| {
        workbench.services.runtime.started().is_some() && !workbench.services.jobs.is_busy()
    });
    until_seen(&mut window, |window| failures(window).len() == 1);
    let words = failures(&window).remove(0);
    assert!(words.contains("CUDA could not start (the driver is too old)"), "{words}");
    window.run();
    // The path that is not there failed later, and the bar shows the last failure.
    assert!(says(&window, "(and 1 more)"));
    let mut dialogs = window.state().state.dialogs.clone();
    dialogs.jobs = true;
    window.state_mut().apply(Action::SetDialogs(Box::new(dialogs.clone())));
    window.run();
    assert!(says(&window, &words), "the list of jobs says it");
    dialogs.jobs = false;
    window.state_mut().apply(Action::SetDialogs(Box::new(dialogs)));
    assert!(runs_on(&window).starts_with("processor, ") && says(&window, &runs_on(&window)));
    window.state_mut().apply(Action::Run(Command::Settings));
    window.run();
    press(&mut window, "Device");
    assert!(is_enabled(&window, "CUDA") && !is_enabled(&window, "Metal (not in this build)"));
    press(&mut window, "CUDA");
    until_seen(&mut window, |window| failures(window).len() == 2);
    window.run();
    assert!(says(&window, &format!("Start the device: {words}")), "the bar says it");
    assert!(window.query_all_by_label(&words).next().is_some(), "the settings say it");
    // No failure where nothing was asked of the card.
    choose(&mut window, DeviceChoice::Cpu, ExecutorChoice::Auto);
    assert!(window.state().services.runtime.get().unwrap().warning().is_none());
    assert_eq!(failures(&window).len(), 2);
}

#[test]
fn the_benchmark_runs_where_the_settings_say() {
    let folder = tempfile::tempdir().unwrap();
    let mut window = empty();
    choose(&mut window, DeviceChoice::Cpu, ExecutorChoice::Candle);
    begin(&mut window, folder.path());
    until_seen(&mut window, |window| window.state().state.bench.runs_on.is_some());
    // What is chosen meanwhile is for what begins later; both are said.
    let settings = Settings { executor: ExecutorChoice::Auto, ..window.state().state.settings.clone() };
    window.state_mut().apply(Action::SetSettings(Box::new(settings)));
    until_seen(&mut window, |window| {
        window.state().state.bench.job.is_none()
            || says(window, &format!("maps: {} · benchmark: processor, candle", runs_on(window)))
    });
    assert!(window.state().state.bench.job.is_some(), "the run ended before the bar was read");
    until_seen(&mut window, |window| window.state().state.bench.judged.is_some());
    let judged = window.state().state.bench.judged.clone().unwrap();
    assert_eq!(judged.results.provenance.executors, ["candle (cpu, f32)"]);
    assert!(!says(&window, "benchmark: processor"), "it is over");
    tap(&mut window, "Write the report");
    let report = folder.path().join("report.html");
    until_seen(&mut window, |_| report.is_file());
    assert!(std::fs::read_to_string(report).unwrap().contains("candle (cpu, f32)"));
}
