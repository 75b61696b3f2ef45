//! Colour maps.

use saliscope::display::ColourMap;
use saliscope::figure::inferno;

fn luminance(colour: [u8; 3]) -> f64 {
    let [r, g, b] = colour.map(|channel| (f64::from(channel) / 255.0).powf(2.2));
    0.2126 * r + 0.7152 * g + 0.0722 * b
}

#[test]
fn colours_run_through_the_table_without_steps() {
    for map in ColourMap::ALL {
        for (index, colour) in map.table().iter().enumerate() {
            assert_eq!(map.colour(index as f32 / 255.0), *colour, "{} at {index}", map.name());
        }
        for step in 0..10_000 {
            let [a, b] = [step, step + 1].map(|step| map.colour(step as f32 / 10_000.0));
            assert!((0..3).all(|channel| a[channel].abs_diff(b[channel]) <= 1), "{} at {step}", map.name());
        }
        assert_eq!(map.colour(f32::NAN), map.colour(-1.0));
        assert_eq!(map.colour(2.0), map.table()[255]);
        let text = serde_json::to_string(&map).unwrap();
        assert_eq!(serde_json::from_str::<ColourMap>(&text).unwrap(), map);
    }
    assert_eq!(ColourMap::Inferno.table()[128], inferno(0.5));
}

#[test]
fn lightness_rises_where_it_should() {
    for map in [ColourMap::Inferno, ColourMap::Magma, ColourMap::Viridis, ColourMap::Cividis, ColourMap::Gray] {
        for pair in map.table().windows(2) {
            assert!(luminance(pair[1]) > luminance(pair[0]) - 2e-3, "{}", map.name());
        }
    }
    let table = ColourMap::Diverging.table();
    let middle = luminance(table[127]);
    assert!(table.iter().all(|colour| luminance(*colour) <= middle + 2e-2), "both ends are darker than the middle");
    let [red, _, blue] = table[128].map(i32::from);
    assert!((red - blue).abs() < 5, "the middle has no colour");
    assert!(table[255][0] > table[255][2] && table[0][0] < table[0][2], "high is red");
}
