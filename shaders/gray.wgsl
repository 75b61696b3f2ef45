// From values to gray. Twin: src/display/gray.rs.

@group(0) @binding(1) var plane: texture_2d<u32>;
@group(0) @binding(2) var tone_table: texture_2d<f32>;

fn toned(value: u32) -> f32 {
    if view.flags.x == 3u {
        return textureLoad(tone_table, vec2<i32>(i32(value & 255u), i32(value >> 8u)), 0).x;
    }
    let x = (f32(value) - view.ramp.x) * view.ramp.y + view.ramp.z;
    if view.flags.x == 0u {
        return clamp(x, 0.0, 1.0);
    }
    if view.flags.x == 1u {
        return select(0.0, 1.0, x > 0.0);
    }
    // Beyond 40 nothing of it is seen, and nothing overflows.
    return 1.0 / (1.0 + exp(-clamp(x, -40.0, 40.0)));
}

fn toned_at(x: i32, y: i32) -> f32 {
    return toned(textureLoad(plane, vec2<i32>(x, y), 0).x);
}

fn gray_at(image: vec2<f32>) -> f32 {
    let taps = taps_at(image, textureDimensions(plane), view.flags.y == 1u);
    var gray: f32;
    if view.flags.y == 1u {
        gray = mixed(
            vec4<f32>(
                toned_at(taps.near.x, taps.near.y),
                toned_at(taps.far.x, taps.near.y),
                toned_at(taps.near.x, taps.far.y),
                toned_at(taps.far.x, taps.far.y),
            ),
            taps.part,
        );
    } else {
        gray = toned_at(taps.near.x, taps.near.y);
    }
    return select(gray, 1.0 - gray, view.ramp.w == 1.0);
}
