//! What every [`LogGroups`] must do, whoever implements it.

use super::{DestinationArn, FilterName, LogGroupName, LogGroups, SubscriptionFilter};

fn filter(destination: &str) -> SubscriptionFilter {
    SubscriptionFilter {
        name: FilterName("catchment-suite".to_owned()),
        pattern: String::new(),
        destination: DestinationArn(destination.to_owned()),
    }
}

/// Checks an implementation that has these groups, without filters, and none
/// whose name begins with `gone-`. More than fifty groups also check the paging.
///
/// # Panics
/// When the implementation does not do what the port says.
#[allow(clippy::unwrap_used, clippy::expect_used)]
pub async fn check_log_groups<G: LogGroups>(log_groups: &G, existing: &[String]) {
    let mut listed = Vec::new();
    let mut token = None;
    loop {
        let page = log_groups.page(token).await.unwrap();
        listed.extend(page.groups);
        token = page.next;
        if token.is_none() {
            break;
        }
    }
    for name in existing {
        let found = listed.iter().filter(|info| info.name.0 == *name).count();
        assert_eq!(found, 1, "{name} is listed once");
    }
    assert!(listed.iter().all(|info| info.takes_filters || !existing.contains(&info.name.0)));

    let group = LogGroupName(existing.first().expect("a group to work with").clone());
    let (first, second) = (
        filter("arn:aws:lambda:us-east-1:000000000000:function:first"),
        filter("arn:aws:lambda:us-east-1:000000000000:function:second"),
    );
    assert_eq!(log_groups.filters(&group).await.unwrap(), []);
    for wanted in [&first, &first, &second] {
        log_groups.put_filter(&group, wanted).await.unwrap();
        assert_eq!(&log_groups.filters(&group).await.unwrap(), std::slice::from_ref(wanted));
    }
    for _ in 0..2 {
        log_groups.remove_filter(&group, &first.name).await.unwrap();
        assert_eq!(log_groups.filters(&group).await.unwrap(), []);
    }

    let gone = LogGroupName("gone-with-the-stack".to_owned());
    assert_eq!(log_groups.filters(&gone).await.unwrap(), []);
    log_groups.remove_filter(&gone, &first.name).await.unwrap();
    let err = log_groups.put_filter(&gone, &first).await.unwrap_err();
    assert!(!err.is_transient(), "{err}");
    assert!(err.to_string().starts_with("subscribing to gone-with-the-stack: "), "{err}");
}
