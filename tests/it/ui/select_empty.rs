//! Nothing to wait for.

fn main() {
    let _ = async {
        raddle::select! {}
    };
}
