"""Creates the tables and the accounts: accounts.py NUMBER PASSWORD. The names are user0, user1, ..."""
import os
import sys

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")


def main():
    import django

    django.setup()
    from django.contrib.auth import get_user_model
    from django.contrib.auth.hashers import make_password
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    user, password = get_user_model(), make_password(sys.argv[2])
    user.objects.bulk_create(user(username=f"user{n}", password=password) for n in range(int(sys.argv[1])))


main()
