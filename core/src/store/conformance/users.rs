use super::racing::race;
use super::samples::{unique, user};
use crate::accounts::User;
use crate::store::{SharedStore, StoreError, UniqueField};

fn assert_taken(result: Result<(), StoreError>, field: UniqueField) {
    match result {
        Err(StoreError::Taken(taken)) => assert_eq!(taken, field),
        other => panic!("{other:?} instead of a taken {field}"),
    }
}

async fn by_login(store: &SharedStore, login: &str) -> Option<User> {
    store
        .user_by_login(login)
        .await
        .expect("a store that answers")
}

pub(super) async fn a_user_is_found_by_id_username_and_email_without_case(store: SharedStore) {
    let user = user();
    store.create_user(&user).await.expect("a new user");
    assert_eq!(
        store
            .user(&user.id)
            .await
            .expect("a store that answers")
            .as_ref(),
        Some(&user)
    );
    for login in [&user.username, &user.email] {
        assert_eq!(
            by_login(&store, login).await.as_ref(),
            Some(&user),
            "{login}"
        );
        assert_eq!(
            by_login(&store, &login.to_uppercase()).await.as_ref(),
            Some(&user),
            "{login} in capitals"
        );
        assert_eq!(
            by_login(&store, &login.to_lowercase()).await.as_ref(),
            Some(&user),
            "{login} in small letters"
        );
    }
}

pub(super) async fn nobody_is_found_by_what_nobody_has(store: SharedStore) {
    let user = user();
    store.create_user(&user).await.expect("a new user");
    assert_eq!(
        store
            .user(&unique("nobody"))
            .await
            .expect("a store that answers"),
        None
    );
    assert_eq!(by_login(&store, &unique("nobody")).await, None);
    assert_eq!(by_login(&store, "").await, None);
    // Logins are values, not patterns, nor ids.
    assert_eq!(by_login(&store, ".*").await, None);
    assert_eq!(by_login(&store, &user.id).await, None);
}

pub(super) async fn a_username_is_taken_whatever_its_case(store: SharedStore) {
    let first = user();
    store.create_user(&first).await.expect("a new user");
    for username in [
        first.username.clone(),
        first.username.to_uppercase(),
        first.username.to_lowercase(),
    ] {
        assert_taken(
            store.create_user(&User { username, ..user() }).await,
            UniqueField::Username,
        );
    }
}

pub(super) async fn an_email_address_is_taken_whatever_its_case(store: SharedStore) {
    let first = user();
    store.create_user(&first).await.expect("a new user");
    for email in [
        first.email.clone(),
        first.email.to_uppercase(),
        first.email.to_lowercase(),
    ] {
        assert_taken(
            store.create_user(&User { email, ..user() }).await,
            UniqueField::Email,
        );
    }
}

pub(super) async fn an_id_is_taken(store: SharedStore) {
    let first = user();
    store.create_user(&first).await.expect("a new user");
    assert_taken(
        store
            .create_user(&User {
                id: first.id.clone(),
                ..user()
            })
            .await,
        UniqueField::Id,
    );
    assert_eq!(
        store.user(&first.id).await.expect("a store that answers"),
        Some(first)
    );
}

pub(super) async fn a_refused_user_leaves_nothing_behind(store: SharedStore) {
    let first = user();
    store.create_user(&first).await.expect("a new user");
    let refused = User {
        email: first.email.clone(),
        ..user()
    };
    assert_taken(store.create_user(&refused).await, UniqueField::Email);
    assert_eq!(
        store.user(&refused.id).await.expect("a store that answers"),
        None
    );
    assert_eq!(by_login(&store, &refused.username).await, None);

    let with_another_address = User {
        email: user().email,
        ..refused
    };
    store
        .create_user(&with_another_address)
        .await
        .expect("the refused user's name and id are free");
    assert_eq!(by_login(&store, &first.email).await, Some(first));
}

pub(super) async fn an_email_address_names_its_owner_even_where_it_is_another_users_name(
    store: SharedStore,
) {
    let intruder = user();
    let owner = User {
        email: unique("Victim@Example.org"),
        ..user()
    };
    let intruder = User {
        username: owner.email.clone(),
        ..intruder
    };
    store.create_user(&intruder).await.expect("a new user");
    store.create_user(&owner).await.expect("a new user");
    assert_eq!(by_login(&store, &owner.email).await, Some(owner));
}

/// Races users of whom exactly one may be made, and checks that it is the one who is found.
async fn race_users(
    store: SharedStore,
    login: &str,
    field: UniqueField,
    named: impl Fn(usize) -> User,
) {
    let results = race(|number| {
        let (store, user) = (store.clone(), named(number));
        async move { (store.create_user(&user).await, user) }
    })
    .await;
    let mut made = Vec::new();
    for (result, user) in results {
        match result {
            Ok(()) => made.push(user),
            refused => {
                assert_taken(refused, field);
                assert_eq!(
                    store.user(&user.id).await.expect("a store that answers"),
                    None,
                    "a refused user is there"
                );
            }
        }
    }
    assert_eq!(made.len(), 1, "of the racing users so many were made");
    assert_eq!(by_login(&store, login).await, made.pop());
}

fn in_some_case(word: &str, number: usize) -> String {
    if number.is_multiple_of(2) {
        word.to_uppercase()
    } else {
        word.to_lowercase()
    }
}

pub(super) async fn of_racing_users_with_one_username_exactly_one_is_made(store: SharedStore) {
    let username = unique("Racer");
    let named = |number| User {
        username: in_some_case(&username, number),
        ..user()
    };
    race_users(store, &username, UniqueField::Username, named).await;
}

pub(super) async fn of_racing_users_with_one_email_address_exactly_one_is_made(store: SharedStore) {
    let email = unique("racer@example.org");
    let named = |number| User {
        email: in_some_case(&email, number),
        ..user()
    };
    race_users(store, &email, UniqueField::Email, named).await;
}
