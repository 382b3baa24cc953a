//! Nothing to wait for, either.

fn main() {
    let _ = async {
        raddle::select! { else => 1 }
    };
}
